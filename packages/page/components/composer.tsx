import { useSignal } from '@preact/signals'
import type { Signal } from '@preact/signals'
import { useLayoutEffect, useRef } from 'preact/hooks'
import { words } from '../words/words.ts'
import type { Attachments } from './attachments.ts'
import { fitHeight } from './fit-height.ts'
import { Icon } from './icon.tsx'
import { IconButton } from './icon-button.tsx'
import { Images } from './images.tsx'
import { toShortName } from './model-picker.tsx'
import { usePage } from './page.ts'
import { isComposing, shortcutNames } from './shortcuts.ts'
import { focusComposer } from './ui-state.ts'

interface ComposerProps {
  readonly draft: Signal<string>
  readonly attachments: Attachments
}

/**
 * The field for a new message. Enter sends the message, except while an input method is composing.
 */
export function Composer({ draft, attachments }: ComposerProps) {
  const page = usePage()
  const isFocused = useSignal(false)
  const field = useRef<HTMLTextAreaElement>(null)
  const picker = useRef<HTMLInputElement>(null)
  const w = words.value

  const { kind } = page.server.value
  const { images, problem, pending } = attachments
  const model = page.model.value
  const canSee = model?.capabilities?.includes('vision') ?? false
  const canThink = model?.capabilities?.includes('thinking') ?? false
  const isBlind = images.value.length > 0 && model?.capabilities !== undefined && !canSee
  const isEmpty = draft.value.trim() === '' && images.value.length === 0
  const canSend = !isEmpty && !isBlind && pending.value === 0 && (kind === 'ready' || kind === 'starting')
  const thinks = page.chat.value.settings.think ?? true

  useLayoutEffect(() => fitHeight(field.current!), [draft.value])
  const send = () => {
    if (!canSend || pending.peek() > 0 || page.run.peek()) return
    page.send(draft.peek().trim(), images.peek())
    draft.value = ''
    attachments.clear()
    field.current!.focus()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || event.shiftKey || isComposing(event)) return
    event.preventDefault()
    send()
  }
  const onPaste = (event: ClipboardEvent) => {
    const files = [...(event.clipboardData?.files ?? [])]
    if (files.length === 0) return
    event.preventDefault()
    void attachments.add(files)
  }
  return (
    <form
      class={`composer ${isFocused.value ? 'is-focused' : ''}`}
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
      onMouseDown={(event) => event.target === event.currentTarget && requestAnimationFrame(() => field.current!.focus())}
    >
      {images.value.length > 0 && <Images images={images.value} onRemove={attachments.remove} />}
      {(isBlind || problem.value) && (
        <p class="composer-note" role="alert">
          {isBlind ? w.noVision : problem.value}
        </p>
      )}
      <textarea
        id="message"
        ref={field}
        rows={1}
        dir="auto"
        aria-label={w.message}
        placeholder={w.messageHint(model ? toShortName(model.name) : 'Ollama')}
        enterkeyhint="send"
        value={draft.value}
        onInput={({ currentTarget }) => (draft.value = currentTarget.value)}
        onFocus={() => (isFocused.value = true)}
        onBlur={() => (isFocused.value = false)}
        onKeyDown={onKeyDown}
        onPaste={onPaste}
      />
      <div class="composer-tools">
        {canSee && (
          <>
            <IconButton icon="image" label={w.attach} onClick={() => picker.current!.click()} />
            <input
              ref={picker}
              type="file"
              accept="image/*"
              multiple
              hidden
              onChange={({ currentTarget }) => {
                void attachments.add([...(currentTarget.files ?? [])])
                currentTarget.value = ''
              }}
            />
          </>
        )}
        {canThink && (
          <button type="button" class="pill" aria-pressed={thinks} onClick={() => page.set({ think: !thinks })}>
            <Icon name="bulb" />
            {w.think}
          </button>
        )}
        <span class="space" />
        {page.run.value ? (
          <button
            key="stop"
            type="button"
            class="round is-stop"
            aria-label={w.stop}
            title={`${w.stop} (${shortcutNames.stop})`}
            disabled={page.run.value.phase.value === 'stopping'}
            onClick={() => {
              page.stop()
              focusComposer()
            }}
          >
            <span />
          </button>
        ) : (
          <button
            key="send"
            type="submit"
            class="round"
            aria-label={w.send}
            title={`${w.send} (${shortcutNames.send})`}
            disabled={!canSend}
          >
            <Icon name="up" />
          </button>
        )}
      </div>
    </form>
  )
}
