import { useEffect } from 'preact/hooks'
import { words } from '../words/words.ts'
import { usePage } from './page.ts'
import { status } from './status.tsx'

/** The small line at the bottom: what should be known of where one is. A problem is told to who cannot see it, too. */
export function Fine() {
  const { historyProblem, server } = usePage()
  const w = words.value
  const state = server.value
  const how = historyProblem.value
  const problem = how ? (how === 'full' ? w.historyFull : w.historyDenied) : ''
  useEffect(() => void (status.value = problem), [problem])
  return (
    <p class={problem ? 'fine danger' : 'fine'}>
      {problem || (state.how === 'ready' && state.isDemo ? w.demoHint : w.privacy)}
    </p>
  )
}
