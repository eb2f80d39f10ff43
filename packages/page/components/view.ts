import { signal } from '@preact/signals'
import type { ChatSummary } from '../state/page-state.ts'
import { createKeptChoice } from '../storage/kept-choice.ts'

/** A dialog that is open, and what it is about. */
export type OpenDialog =
  | { readonly kind: 'options' | 'settings' | 'key' | 'removeAll' }
  | { readonly kind: 'rename' | 'remove'; readonly chat: ChatSummary }

export const dialog = signal<OpenDialog | undefined>(undefined)

/** The page's `color-scheme`; `theme.js` has it before there is a page. */
export const theme = createKeptChoice('sluice-theme', ['light dark', 'light', 'dark'], 'light dark')

/** Whether the list of chats is beside the conversation, where there is room for both. */
export const sidebar = createKeptChoice('sluice-sidebar', ['shown', 'hidden'], 'shown')

/** Whether the list of chats lies over the conversation, where there is not. */
export const isDrawerOpen = signal(false)

const narrow = matchMedia('(width < 48rem)')
export const isNarrow = signal(narrow.matches)
narrow.addEventListener('change', () => {
  isNarrow.value = narrow.matches
  isDrawerOpen.value = false
})

export function toggleSidebar() {
  if (isNarrow.value) isDrawerOpen.value = !isDrawerOpen.value
  else {
    sidebar.value = sidebar.value === 'shown' ? 'hidden' : 'shown'
    // The button that was pressed is gone; the one that undoes it takes the focus.
    requestAnimationFrame(() => document.querySelector<HTMLElement>('.sidebar-head button, .header button')?.focus())
  }
}

/** On a touch screen a field that has the focus brings up a keyboard, which covers half of the page. */
export const canFocusFields = matchMedia('(pointer: fine)').matches

/** The field for messages is where typing goes. */
export function focusComposer() {
  if (canFocusFields) document.querySelector<HTMLElement>('#message')?.focus()
}

/** Asks again. The button that was pressed goes, so the focus goes to where typing does. */
export function again(ask: (answerId: string) => void, answerId: string) {
  ask(answerId)
  focusComposer()
}
