import { words } from '../words/words.ts'
import { ChatRow } from './chat-row.tsx'
import { usePage } from './page.ts'
import { toGroups } from './to-groups.ts'

/** All chats, or the chats that the search finds, grouped by day. */
export function ChatList() {
  const { chats, query } = usePage()
  const w = words.value
  if (chats.value.length === 0) return <p class="list-empty">{query.value === '' ? w.noChats : w.noneFound}</p>
  return (
    <nav class="chat-list" aria-label={w.chats}>
      {toGroups(chats.value, Date.now()).map(({ age, chats }) => (
        <section key={age} aria-labelledby={`age-${age}`}>
          <h2 id={`age-${age}`}>{w[age]}</h2>
          <ul>
            {chats.map((chat) => (
              <ChatRow key={chat.id} chat={chat} />
            ))}
          </ul>
        </section>
      ))}
    </nav>
  )
}
