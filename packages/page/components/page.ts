import type { PageState } from '../state/page-state.ts'
import { toSummaries } from '../state/to-summaries.ts'

let page: PageState

/** Sets the only state of the page. Call it before anything is rendered. */
export function providePage(state: PageState): void {
  page = state
}

/** The state that the page shows. */
export function usePage(): PageState {
  return page
}

/**
 * Returns the title of the open chat. It is empty if the chat is new, or begins with an image
 * without text.
 */
export function toTitle({ chat }: PageState): string {
  return toSummaries([chat.value])[0]!.title
}
