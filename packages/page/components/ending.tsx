import type { End, Message } from '../chats/chat.ts'
import { words } from '../words/words.ts'
import { Failure } from './failure.tsx'
import { usePage } from './page.ts'
import { retryAndFocus } from './ui-state.ts'

/**
 * Shows why an answer is not complete, and a button to continue it. Shows nothing if the answer is
 * complete.
 */
export function Ending({ message, isLast }: { message: Message; isLast: boolean }) {
  const page = usePage()
  const { end, text } = message
  const note = toNote(end)
  if (end?.how === 'failed') return <Failure message={message} failure={end} isLast={isLast} />
  if (note === undefined) return null
  const w = words.value
  return (
    <div class="ending">
      <p>{note}</p>
      {isLast && end !== undefined && text !== '' && (
        <button
          type="button"
          class="button"
          disabled={page.run.value !== undefined}
          onClick={() => retryAndFocus(page.resume, message.id)}
        >
          {w.resume}
        </button>
      )}
    </div>
  )
}

/** Returns the words for an end that is neither complete nor a failure. */
export function toNote(end: End | undefined): string | undefined {
  const w = words.value
  if (end?.how === 'length') return w.cutOff
  if (end?.how === 'stopped') return end.isFreed ? w.stoppedAndFree : w.stopped
  if (end?.how === 'interrupted') return end.why === undefined ? w.interrupted : w[end.why]
  // An answer without an end is still being written by another tab.
  if (end === undefined) return w.elsewhere
  return undefined
}
