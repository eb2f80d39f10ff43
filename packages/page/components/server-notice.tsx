import type { ServerState } from '../state/page-state.ts'
import { words } from '../words/words.ts'
import type { Words } from '../words/english.ts'
import { CopyButton } from './copy-button.tsx'
import { usePage } from './page.ts'
import { dialog } from './ui-state.ts'

/**
 * Says why the server cannot answer, and what the user can do. Shows nothing if the server is
 * ready.
 */
export function ServerNotice() {
  const { server, refresh } = usePage()
  const w = words.value
  const state = server.value
  if (state.kind === 'locked')
    return (
      <section class="card">
        <h2>{w.locked}</h2>
        <p>{w.lockedHint}</p>
        <div class="buttons">
          <button type="button" class="button is-main" onClick={() => (dialog.value = { kind: 'key' })}>
            {w.enterKey}
          </button>
        </div>
      </section>
    )
  const notice = toNotice(state, w)
  if (!notice) return null
  const { title, hint, command, detail: said } = notice
  return (
    <section class="card">
      <h2>{title}</h2>
      <p>{hint}</p>
      {command && (
        <div class="command">
          <code>{command}</code>
          <CopyButton text={() => command} />
        </div>
      )}
      {said && <p class="said">{said}</p>}
      <div class="buttons">
        <button type="button" class="button" onClick={() => void refresh()}>
          {w.lookAgain}
        </button>
      </div>
    </section>
  )
}

interface Notice {
  readonly title: string
  readonly hint: string
  readonly command?: string
  readonly detail?: string
}

function toNotice(state: ServerState, w: Words): Notice | undefined {
  if (state.kind === 'empty') return { title: w.noModels, hint: w.noModelsHint, command: 'ollama pull gemma3' }
  if (state.kind !== 'unreachable') return undefined
  if (state.service === 'sluice') return { title: w.sluiceDown, hint: w.sluiceDownHint }
  return { title: w.ollamaDown, hint: w.ollamaDownHint, command: 'ollama serve', detail: state.text }
}
