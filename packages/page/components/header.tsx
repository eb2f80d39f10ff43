import { words } from '../words/words.ts'
import { IconButton } from './icon-button.tsx'
import { ModelPicker } from './model-picker.tsx'
import { toTitle, usePage } from './page.ts'
import { dialog, focusComposer, isDrawerOpen, isNarrow, sidebar, toggleSidebar } from './ui-state.ts'

/** The model, the chat's title, and the other controls of the chat. */
export function Header() {
  const page = usePage()
  const { create, server, thread } = page
  const w = words.value
  const isAlone = isNarrow.value || sidebar.value === 'hidden'
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
        {state.kind === 'ready' && state.isDemo && (
          <span class="badge" title={w.demoHint}>
            {w.demo}
          </span>
        )}
      </div>
      <h1 dir="auto">{toTitle(page) || (thread.value.length > 0 ? w.imageOnly : w.newChat)}</h1>
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
