import type { End, Message } from '../chats/chat.ts'
import { formatSeconds } from '../words/format.ts'
import { words } from '../words/words.ts'
import { CopyButton } from './copy-button.tsx'
import { Icon } from './icon.tsx'
import { usePage } from './page.ts'
import { retryAndFocus, dialog } from './ui-state.ts'

interface FailureProps {
  readonly message: Message
  readonly failure: End & { how: 'failed' }
  readonly isLast: boolean
}

/**
 * Shows what went wrong, in plain words, and what the user can do. The server's own text is also
 * shown. If the page has no hint for this failure, the server's text takes the place of the hint.
 */
export function Failure({ message, failure: { code, text, requestId, retryAfterSeconds }, isLast }: FailureProps) {
  const page = usePage()
  const w = words.value
  const [title, hint] = toFailureWords(code, message.text !== '')
  const isBusy = page.run.value !== undefined
  return (
    <section class="card is-failure">
      <h3>
        <Icon name="warning" />
        {title}
      </h3>
      <p>
        {w.join([
          hint ?? text,
          ...(retryAfterSeconds === undefined ? [] : [w.tryAgainIn(formatSeconds(retryAfterSeconds * 1000, w, false))]),
          ...(message.text === '' ? [] : [w.partKept]),
        ])}
      </p>
      {hint && text && <p class="said">{text}</p>}
      <div class="buttons">
        {requestId && (
          <span class="request">
            {w.request} <code>{requestId}</code>
            <CopyButton text={() => requestId} label={w.copyRequest} />
          </span>
        )}
        {code === 'unauthorized' && (
          <button type="button" class="button" onClick={() => (dialog.value = { kind: 'key' })}>
            {w.enterKey}
          </button>
        )}
        {isLast && message.text !== '' && (
          <button type="button" class="button" disabled={isBusy} onClick={() => retryAndFocus(page.resume, message.id)}>
            {w.resume}
          </button>
        )}
        {isLast && (
          <button type="button" class="button" disabled={isBusy} onClick={() => retryAndFocus(page.retry, message.id)}>
            {w.retry}
          </button>
        )}
      </div>
    </section>
  )
}

/** Returns the page's words for a failure. `hint` is absent if the page has none for this code. */
export function toFailureWords(code: string, hasText: boolean): readonly [title: string, hint?: string] {
  const w = words.value
  return w.failures[code] ?? [hasText ? w.failed : w.notAnswered]
}
