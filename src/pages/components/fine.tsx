import { words } from '../words/words.ts'
import { usePage } from './page.ts'

/** The small line at the bottom: what should be known of where one is. */
export function Fine() {
  const { historyProblem, server } = usePage()
  const w = words.value
  const state = server.value
  const problem = historyProblem.value
  if (problem) return <p class="fine is-problem">{problem === 'denied' ? w.historyDenied : w.historyFull}</p>
  return <p class="fine">{state.how === 'ready' && state.isDemo ? w.demoHint : w.privacy}</p>
}
