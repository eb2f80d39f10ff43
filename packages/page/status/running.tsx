import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { formatNumber, formatSeconds } from '../words/format.ts'
import { toSpeed, type Data, type Stream } from './data.ts'
import { stop } from './watch.ts'
import { words } from './words.ts'

interface RunningProps {
  readonly data: Data
  readonly say: (text: string) => void
}

/** The open streams, the oldest first, so that a new one moves no other. */
export function Running({ data: { streams, open }, say }: RunningProps) {
  const w = words.value
  return (
    <section aria-labelledby="running">
      <h2 id="running" tabIndex={-1}>
        {w.running}
      </h2>
      {streams.length === 0 && <p class="lead">{w.nothing}</p>}
      <ul class="rows">
        {streams.map((stream) => (
          <Row key={`${stream.key ?? ''}\n${stream.request_id}`} stream={stream} say={say} />
        ))}
      </ul>
      {open > streams.length && <p class="lead">{w.more(formatNumber(open - streams.length, w))}</p>}
    </section>
  )
}

function Row({ stream, say }: { stream: Stream; say: (text: string) => void }) {
  const { model, key, surface, host, state, tokens, age_ms: age } = stream
  const w = words.value
  const speed = toSpeed(stream)
  return (
    <li class="row">
      <div class="what">
        <h3>{model ?? w.noModel}</h3>
        <p class={`state is-${state}`}>
          <span class={state === 'queued' ? 'dot is-idle' : 'dot is-running'} />
          {w.states[state]}
        </p>
        <p class="said">{[key, surface, host].filter(Boolean).join(' · ')}</p>
      </div>
      <p class="numbers">
        {tokens > 0 && <span>{w.tokens(formatNumber(tokens, w))}</span>}
        {speed !== undefined && <span>{w.perSecond(formatNumber(speed, w))}</span>}
        <span>{formatSeconds(age, w, false)}</span>
      </p>
      <Stop stream={stream} say={say} />
    </li>
  )
}

/** How long the button asks whether it is meant, in milliseconds. */
const askingMs = 4000

/**
 * Stops a stream at its second press. The list moves by itself, so the first press may have been
 * meant for another stream.
 */
function Stop({ stream, say }: { stream: Stream; say: (text: string) => void }) {
  const step = useSignal<'idle' | 'asking' | 'stopping'>('idle')
  const w = words.value

  const isAsking = step.value === 'asking'
  useEffect(() => {
    if (!isAsking) return
    const timer = setTimeout(() => (step.value = 'idle'), askingMs)
    return () => clearTimeout(timer)
  }, [isAsking])

  const press = async () => {
    if (step.peek() === 'idle') return void (step.value = 'asking')
    step.value = 'stopping'
    try {
      say((await stop(stream)) ? w.stopped : w.notStopped)
      // The button goes with its row, and must not take the focus with it.
      document.querySelector<HTMLElement>('#running')?.focus()
    } catch {
      step.value = 'idle'
      say(w.unstopped)
    }
  }
  const text = { idle: w.stop, asking: w.stopSure, stopping: w.stopping }[step.value]
  return (
    <button
      type="button"
      class={isAsking ? 'button is-danger' : 'button'}
      aria-label={step.value === 'idle' ? w.stopOf(stream.model ?? w.noModel, stream.key ?? '') : text}
      disabled={step.value === 'stopping'}
      onClick={() => void press()}
    >
      {text}
    </button>
  )
}
