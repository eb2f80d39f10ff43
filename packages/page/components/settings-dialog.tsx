import { useSignal } from '@preact/signals'
import { useRef } from 'preact/hooks'
import { theme } from '../storage/theme.ts'
import { formatNumber } from '../words/format.ts'
import { language, languages } from '../words/language.ts'
import { words } from '../words/words.ts'
import { Choice } from './choice.tsx'
import { Dialog } from './dialog.tsx'
import { usePage } from './page.ts'
import { shortcutNames } from './shortcuts.ts'
import { status } from './status.tsx'
import { dialog } from './ui-state.ts'

/** The settings of the whole page: colours, language, all chats, and the key. */
export function SettingsDialog() {
  const page = usePage()
  const note = useSignal('')
  const picker = useRef<HTMLInputElement>(null)
  const w = words.value
  const server = page.server.value

  const exportAll = async () => {
    const url = URL.createObjectURL(await page.exportAll())
    const link = Object.assign(document.createElement('a'), {
      href: url,
      download: `sluice-${new Date().toISOString().slice(0, 10)}.json`,
    })
    link.click()
    setTimeout(() => URL.revokeObjectURL(url), 10_000)
  }
  const importFrom = async (file: Blob | undefined) => {
    if (!file) return
    const count = await page.importFrom(file)
    status.value = note.value = count === undefined ? w.notImported : w.imported(formatNumber(count, w))
  }
  const shortcuts = [
    [w.send, shortcutNames.send],
    [w.newLine, shortcutNames.newLine],
    [w.stop, shortcutNames.stop],
    [w.search, shortcutNames.search],
    [w.newChat, shortcutNames.create],
  ] as const
  return (
    <Dialog title={w.settings}>
      <div class="rows">
        <Choice
          label={w.appearance}
          options={{ 'light dark': w.asSystem, light: w.light, dark: w.dark }}
          value={theme.value}
          onChoose={(value) => (theme.value = value)}
        />
        <Choice
          label={w.languageName}
          options={languages}
          value={language.value}
          onChoose={(value) => (language.value = value)}
        />
        <div class="row">
          <div>
            <h3>{w.yourChats}</h3>
            <p>{note.value || w.privacy}</p>
          </div>
          <div class="buttons">
            <button type="button" class="button" onClick={() => void exportAll()}>
              {w.exportAll}
            </button>
            <button type="button" class="button" onClick={() => picker.current!.click()}>
              {w.importFrom}
            </button>
            <input
              ref={picker}
              type="file"
              accept=".json"
              hidden
              onChange={({ currentTarget }) => {
                void importFrom(currentTarget.files?.[0])
                currentTarget.value = ''
              }}
            />
            <button type="button" class="button danger" onClick={() => (dialog.value = { kind: 'removeAll' })}>
              {w.removeAll}
            </button>
          </div>
        </div>
        {page.hasKey.value && (
          <div class="row">
            <h3>{w.access}</h3>
            <button type="button" class="button" onClick={page.forgetKey}>
              {w.forgetKey}
            </button>
          </div>
        )}
      </div>
      <section class="shortcuts" aria-label={w.shortcuts}>
        {shortcuts.map(([name, keys]) => (
          <div key={name}>
            {name} <kbd>{keys}</kbd>
          </div>
        ))}
      </section>
      {server.kind === 'ready' && <p class="fine">{server.isDemo ? w.demoHint : w.version(server.version)}</p>}
    </Dialog>
  )
}
