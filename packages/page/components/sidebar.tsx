import { words } from '../words/words.ts'
import { ChatList } from './chat-list.tsx'
import { Icon } from './icon.tsx'
import { IconButton } from './icon-button.tsx'
import { usePage } from './page.ts'
import { shortcutNames } from './shortcuts.ts'
import { dialog, focusComposer, isDrawerOpen, toggleSidebar } from './ui-state.ts'

/** The list of chats, with buttons for a new chat and for the settings. */
export function Sidebar() {
  const { query, create } = usePage()
  const w = words.value
  const begin = () => {
    create()
    isDrawerOpen.value = false
    focusComposer()
  }
  return (
    <>
      <div class="sidebar-head">
        <IconButton icon="sidebar" label={w.hideChats} aria-expanded={true} onClick={toggleSidebar} />
        <span class="brand">Sluice</span>
        <IconButton icon="compose" label={w.newChat} aria-keyshortcuts="Control+Shift+O Meta+Shift+O" onClick={begin} />
      </div>
      <label class="search">
        <Icon name="search" />
        <input
          id="search"
          type="search"
          aria-label={w.search}
          placeholder={w.search}
          aria-keyshortcuts="Control+K Meta+K"
          value={query.value}
          onInput={({ currentTarget }) => (query.value = currentTarget.value)}
        />
        <kbd>{shortcutNames.search}</kbd>
      </label>
      <ChatList />
      <button type="button" class="sidebar-foot" aria-haspopup="dialog" onClick={() => (dialog.value = { kind: 'settings' })}>
        <Icon name="gear" />
        {w.settings}
      </button>
    </>
  )
}
