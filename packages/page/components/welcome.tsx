import { words } from '../words/words.ts'
import { usePage } from './page.ts'
import { ServerNotice } from './server-notice.tsx'

/** A new chat: a greeting, and questions to begin with. */
export function Welcome() {
  const page = usePage()
  const w = words.value
  const server = page.server.value
  const isDemo = server.kind === 'ready' && server.isDemo
  if (server.kind !== 'ready' && server.kind !== 'starting')
    return (
      <div class="welcome">
        <ServerNotice />
      </div>
    )
  return (
    <div class="welcome">
      <p class="greeting">{w.greeting}</p>
      {server.kind === 'ready' && (
        <ul class="starters">
          {(isDemo ? w.demoStarters : w.starters).map(({ title, text }) => (
            <li key={text}>
              <button type="button" onClick={() => page.send(text, [])}>
                <strong>{title}</strong>
                <span>{text}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}
