import { signal } from '@preact/signals'
import { useLayoutEffect } from 'preact/hooks'

/** The next message for screen readers. */
export const status = signal('')

/**
 * The element that screen readers read the message from. It is in the open dialog, because all
 * else is inert then and nothing of it is read. A new element starts without the last message.
 */
export function Status() {
  useLayoutEffect(() => void (status.value = ''), [])
  return (
    <p class="hidden" role="status">
      {status}
    </p>
  )
}
