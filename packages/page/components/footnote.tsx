import { useEffect } from 'preact/hooks'
import { words } from '../words/words.ts'
import { usePage } from './page.ts'
import { status } from './status.tsx'

/**
 * The small print at the bottom. It says that chats stay in this browser, or that this is a demo.
 * If chats cannot be stored, it reports this instead, also to screen readers.
 */
export function Footnote() {
  const { historyProblem, server } = usePage()
  const w = words.value
  const state = server.value
  const cause = historyProblem.value
  const problem = cause ? (cause === 'full' ? w.historyFull : w.historyDenied) : ''
  useEffect(() => void (status.value = problem), [problem])
  return (
    <p class={problem ? 'fine danger' : 'fine'}>
      {problem || (state.kind === 'ready' && state.isDemo ? w.demoHint : w.privacy)}
    </p>
  )
}
