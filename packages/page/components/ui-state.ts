import { signal } from '@preact/signals'
import type { ChatSummary } from '../state/page-state.ts'
import { createStoredChoice } from '../storage/stored-choice.ts'

/** The open dialog, and the chat that it is about. */
export type OpenDialog =
  | { readonly kind: 'options' | 'settings' | 'key' | 'removeAll' }
  | { readonly kind: 'rename' | 'remove'; readonly chat: ChatSummary }

export const dialog = signal<OpenDialog | undefined>(undefined)

/** Whether the list of chats is shown beside the conversation, in a wide window. */
export const sidebar = createStoredChoice('sluice-sidebar', ['shown', 'hidden'], 'shown')

/** Whether the list of chats is shown over the conversation, in a narrow window. */
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
    // The pressed button is gone, so the button with the opposite effect gets the focus.
    requestAnimationFrame(() => document.querySelector<HTMLElement>('.sidebar-head button, .header button')?.focus())
  }
}

/**
 * Whether a field may get the focus by itself. On a touch screen this would open a keyboard that
 * covers half of the page.
 */
export const canFocusFields = matchMedia('(pointer: fine)').matches

/** Moves the focus to the field for messages, unless that would open a keyboard. */
export function focusComposer() {
  if (canFocusFields) document.querySelector<HTMLElement>('#message')?.focus()
}

/**
 * Retries or continues an answer. The pressed button disappears, so the field for messages gets the
 * focus.
 */
export function retryAndFocus(ask: (answerId: string) => void, answerId: string) {
  ask(answerId)
  focusComposer()
}
