import type { PageState } from '../state/page-state.ts'
import { toSummaries } from '../state/to-summaries.ts'

let page: PageState

/** Sets the one state of the page. Call it before anything is shown. */
export function providePage(state: PageState): void {
  page = state
}

/** The state that the page shows. */
export function usePage(): PageState {
  return page
}

/** The title of the open chat. Empty if the chat is new, or begins with an image without text. */
export function toTitle({ chat }: PageState): string {
  return toSummaries([chat.value])[0]!.title
}
