import { words } from '../words/words.ts'
import { IconButton } from './icon-button.tsx'
import { ModelPicker } from './model-picker.tsx'
import { usePage } from './page.ts'
import { dialog, focusComposer, isDrawerOpen, isNarrow, sidebar, toggleSidebar } from './view.ts'

/** The model, the chat's title, and what else concerns this chat. */
export function Header() {
  const { chats, chat, create, server, thread } = usePage()
  const w = words.value
  const isAlone = isNarrow.value || sidebar.value === 'hidden'
  const title = chats.value.find(({ id }) => id === chat.value.id)?.title || chat.value.title
  const state = server.value
  const begin = () => {
    create()
    focusComposer()
  }
  return (
    <header class="header">
      <div>
        {isAlone && (
          <IconButton icon="sidebar" label={w.showChats} aria-expanded={isDrawerOpen.value} onClick={toggleSidebar} />
        )}
        <ModelPicker />
        {state.how === 'ready' && state.isDemo && (
          <span class="badge" title={w.demoHint}>
            {w.demo}
          </span>
        )}
      </div>
      <h1 dir="auto">{title || (thread.value.length > 0 ? w.imageOnly : w.newChat)}</h1>
      <div>
        <IconButton
          icon="sliders"
          label={w.options}
          aria-haspopup="dialog"
          onClick={() => (dialog.value = { kind: 'options' })}
        />
        {isAlone && <IconButton icon="compose" label={w.newChat} onClick={begin} />}
      </div>
    </header>
  )
}
