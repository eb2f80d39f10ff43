import type { PageState } from '../state/page-state.ts'
import { toSummaries } from '../state/to-summaries.ts'

let page: PageState

/** Before anything is shown: the one state of the page. */
export function providePage(state: PageState): void {
  page = state
}

/** The state that the page shows. */
export function usePage(): PageState {
  return page
}

/** What the open chat is called; empty if it is new, or begins with nothing but an image. */
export function toTitle({ chat }: PageState): string {
  return toSummaries([chat.value])[0]!.title
}
