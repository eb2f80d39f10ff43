import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import type { Run } from '../state/page-state.ts'
import { words } from '../words/words.ts'
import { Seconds } from './seconds.tsx'

/** After this time the page explains the wait. */
const longMs = 8000

/** The reason why no token comes, and for how long none has come. */
export function Waiting({ run }: { run: Run }) {
  const isLong = useSignal(false)
  const isReconnecting = run.reconnectingSince.value !== undefined && run.phase.value !== 'stopping'
  const phase = isReconnecting ? 'reconnecting' : run.phase.value
  const since = isReconnecting ? run.reconnectingSince.value : run.phaseSince.value
  useEffect(() => {
    isLong.value = false
    const timer = setTimeout(() => (isLong.value = true), Math.max(0, longMs - (performance.now() - since)))
    return () => clearTimeout(timer)
  }, [phase, since])
  if (phase === 'writing' || phase === 'thinking') return null
  const w = words.value
  const hint = phase === 'queued' || phase === 'loading' || phase === 'evaluating' ? w.longPhases[phase] : undefined
  return (
    <div class="waiting">
      <p>
        <span class="wave" aria-hidden="true">
          <i />
          <i />
          <i />
        </span>
        <span>{phase === 'reconnecting' ? w.reconnecting : w.phases[phase]}</span> <Seconds since={since} />
      </p>
      {isLong.value && hint && <p class="hint">{hint}</p>}
    </div>
  )
}
