import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { PageState } from '../state/page-state.ts'

export const PageContext = createContext<PageState | undefined>(undefined)

/** The state that the page shows. */
export function usePage(): PageState {
  return useContext(PageContext)!
}
