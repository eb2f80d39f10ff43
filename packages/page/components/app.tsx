import { computed, effect, useSignal } from '@preact/signals'
import { render } from 'preact'
import { useEffect, useMemo } from 'preact/hooks'
import type { PageState } from '../state/page-state.ts'
import { theme } from '../storage/theme.ts'
import { loadWords, words } from '../words/words.ts'
import { announceAnswers } from './announce-answers.ts'
import { createAttachments } from './attachments.ts'
import { Composer } from './composer.tsx'
import { Conversation } from './conversation.tsx'
import { Dialogs } from './dialogs.tsx'
import { Drawer } from './drawer.tsx'
import { Footnote } from './footnote.tsx'
import { Header } from './header.tsx'
import { listenForFiles } from './listen-for-files.ts'
import { toTitle, usePage } from './page.ts'
import { ServerNotice } from './server-notice.tsx'
import { listenForShortcuts } from './shortcuts.ts'
import { Sidebar } from './sidebar.tsx'
import { ignoreStrayClicks } from './stray-clicks.ts'
import { dialog, focusComposer, isNarrow, sidebar } from './ui-state.ts'
import { Welcome } from './welcome.tsx'

/** Replaces the page's skeleton with the page, as soon as the words of its language are loaded. */
export async function renderApp(root: HTMLElement): Promise<void> {
  await loadWords()
  root.replaceChildren()
  render(<App />, root)
}

/** The whole page. */
function App() {
  const page = usePage()
  const draft = useSignal('')
  const isDraggedOver = useSignal(false)
  const attachments = useMemo(createAttachments, [])
  const w = words.value
  const isEmpty = page.thread.value.length === 0

  // These listeners are never removed, because the component lives as long as the page.
  useEffect(() => {
    focusComposer()
    listenForShortcuts(page)
    ignoreStrayClicks()
    listenForFiles(isDraggedOver, (files) => void attachments.add(files))
    showOutside(page)
    announceAnswers(page)
  }, [])
  return (
    <>
      <a
        class="skip"
        href="#message"
        onClick={(event) => (event.preventDefault(), document.querySelector<HTMLElement>('#message')?.focus())}
      >
        {w.skip}
      </a>
      {isNarrow.value ? (
        <Drawer />
      ) : (
        sidebar.value === 'shown' && (
          <aside class="sidebar" aria-label={w.chats}>
            <Sidebar />
          </aside>
        )
      )}
      <div class="page">
        <Header />
        <main>
          {isEmpty ? <Welcome /> : <Conversation />}
          <div class="dock">
            {!isEmpty && <ServerNotice />}
            <Composer draft={draft} attachments={attachments} />
            <Footnote />
          </div>
          {isDraggedOver.value && <p class="drop">{w.dropHere}</p>}
        </main>
      </div>
      <Dialogs />
    </>
  )
}

/**
 * Applies the state to the document: its language, colours and title. Also opens the dialog for the
 * key.
 */
function showOutside(page: PageState) {
  effect(() => {
    document.documentElement.lang = words.value.tag
    document.documentElement.style.colorScheme = theme.value
  })
  effect(() => {
    document.title = [toTitle(page), 'Sluice'].filter(Boolean).join(' – ')
  })
  const isLocked = computed(() => page.server.value.kind === 'locked')
  effect(() => {
    // The dialog opens by itself only once, because a user who closes it wants to read the stored
    // chats.
    if (isLocked.value && !dialog.peek()) dialog.value = { kind: 'key' }
  })
}
