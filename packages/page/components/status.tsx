import { signal } from '@preact/signals'
import { useLayoutEffect } from 'preact/hooks'

/** The next message for screen readers. */
export const status = signal('')

/**
 * The element from which screen readers read the message. While a dialog is open, this element is
 * in the dialog, because everything outside is inert and not read. A new element starts without the
 * previous message.
 */
export function Status() {
  useLayoutEffect(() => void (status.value = ''), [])
  return (
    <p class="hidden" role="status">
      {status}
    </p>
  )
}
