import { signal } from '@preact/signals'
import { useLayoutEffect } from 'preact/hooks'

/** What who cannot see it is told next. */
export const status = signal('')

/** Where it is told: in the dialog that is open, for all else is inert then, and nothing is heard of it. What was told before is over. */
export function Status() {
  useLayoutEffect(() => void (status.value = ''), [])
  return (
    <p class="hidden" role="status">
      {status}
    </p>
  )
}
