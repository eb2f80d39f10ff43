import { useLayoutEffect, useRef } from 'preact/hooks'
import { words } from '../words/words.ts'
import { Sidebar } from './sidebar.tsx'
import { isDrawerOpen } from './ui-state.ts'

/** The list of chats over the conversation, for narrow windows. */
export function Drawer() {
  const ref = useRef<HTMLDialogElement>(null)
  const isOpen = isDrawerOpen.value
  useLayoutEffect(() => {
    if (isOpen) ref.current!.showModal()
    else ref.current!.close()
  }, [isOpen])
  return (
    <dialog
      ref={ref}
      class="drawer"
      aria-label={words.value.chats}
      onClose={({ currentTarget }) => (isDrawerOpen.value = currentTarget.open)}
      onClick={({ target }) => target === ref.current && (isDrawerOpen.value = false)}
    >
      <div class="sidebar">
        <Sidebar />
      </div>
    </dialog>
  )
}
