import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { formatSeconds } from '../words/format.ts'
import { words } from '../words/words.ts'

/** Counts the seconds since a time of `performance.now()`. Shows nothing in the first second. */
export function Seconds({ since }: { since: number }) {
  const passedMs = useSignal(0)
  useEffect(() => {
    const count = () => (passedMs.value = performance.now() - since)
    count()
    const timer = setInterval(count, 250)
    return () => clearInterval(timer)
  }, [since])
  if (passedMs.value < 1000) return null
  return <span class="seconds">{formatSeconds(passedMs.value, words.value, false)}</span>
}
