import type { ChatSummary } from '../state/page-state.ts'
import { words } from '../words/words.ts'
import { Menu } from './menu.tsx'
import { usePage } from './page.ts'
import { dialog, isDrawerOpen } from './ui-state.ts'

/**
 * A row in the list of chats. It opens the chat, shows whether an answer is being written, and has
 * a menu.
 */
export function ChatRow({ chat }: { chat: ChatSummary }) {
  const page = usePage()
  const w = words.value
  const title = chat.title || w.imageOnly
  const open = () => {
    void page.open(chat.id)
    isDrawerOpen.value = false
  }
  return (
    <li class="chat-row">
      <button type="button" class="chat-open" aria-current={page.chat.value.id === chat.id ? 'page' : undefined} onClick={open}>
        <span dir="auto">{title}</span>
        {page.running.value.has(chat.id) && <span class="dot is-running" role="img" aria-label={w.isAnswering} />}
      </button>
      <Menu
        label={w.actionsFor(title)}
        items={[
          { icon: 'pencil', label: w.rename, run: () => (dialog.value = { kind: 'rename', chat }) },
          { icon: 'trash', label: w.remove, isDanger: true, run: () => (dialog.value = { kind: 'remove', chat }) },
        ]}
      />
    </li>
  )
}
