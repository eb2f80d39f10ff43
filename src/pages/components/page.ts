import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { PageState } from '../state/page-state.ts'
import { toSummaries } from '../state/to-summaries.ts'

export const PageContext = createContext<PageState | undefined>(undefined)

/** The state that the page shows. */
export function usePage(): PageState {
  return useContext(PageContext)!
}

/** What the open chat is called; empty if it is new, or begins with nothing but an image. */
export function toTitle({ chat }: PageState): string {
  return toSummaries([chat.value])[0]!.title
}
