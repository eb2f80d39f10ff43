import type { PageState } from '../state/page-state.ts'
import { focusComposer, isDrawerOpen, isNarrow, sidebar } from './ui-state.ts'

const isMac = /mac|iphone|ipad/i.test(navigator.platform)

/** The names of the shortcut keys on this operating system. */
export const shortcutNames = isMac
  ? { search: '⌘K', create: '⌘⇧O', newLine: '⇧↩', send: '↩', stop: 'esc' }
  : { search: 'Ctrl K', create: 'Ctrl Shift O', newLine: 'Shift Enter', send: 'Enter', stop: 'Esc' }

/**
 * Whether an input method is composing. Then only the input method may react to the keys. In
 * Safari, the key that ends the composition comes after `isComposing` is false, but still has the
 * code 229.
 */
export function isComposing(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === 229
}

/** Listens for the shortcut keys that work everywhere on the page. */
export function listenForShortcuts(page: PageState): void {
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.defaultPrevented || isComposing(event) || event.altKey) return
    const key = event.key.toLowerCase()
    const isCommand = event.ctrlKey || event.metaKey
    const isModal = document.querySelector('dialog.dialog[open]') !== null
    if (isCommand && !event.shiftKey && key === 'k' && !isModal) search()
    else if (isCommand && event.shiftKey && key === 'o' && !isModal) {
      page.create()
      isDrawerOpen.value = false
      focusComposer()
    } else if (key === 'escape' && page.run.peek() && !document.querySelector('dialog[open], :popover-open')) page.stop()
    else return
    event.preventDefault()
  }
  addEventListener('keydown', onKeyDown)
}

function search() {
  if (isNarrow.value) isDrawerOpen.value = true
  else sidebar.value = 'shown'
  const focus = () => document.querySelector<HTMLInputElement>('#search')?.select()
  focus()
  // A field that was hidden until now accepts the focus only in the next animation frame.
  if (document.activeElement?.id !== 'search') requestAnimationFrame(focus)
}
