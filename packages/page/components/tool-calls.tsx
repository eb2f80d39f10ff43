import type { ToolCall } from '../chats/chat.ts'
import { words } from '../words/words.ts'
import { Icon } from './icon.tsx'

/** The tools that the model called, with their arguments. */
export function ToolCalls({ calls }: { calls: readonly ToolCall[] }) {
  return (
    <>
      {calls.map((call, index) => (
        <details key={index} class="aside">
          <summary>
            <Icon name="tool" />
            {words.value.called(call.name)}
            <Icon name="right" />
          </summary>
          <pre class="aside-text" tabIndex={0}>
            {JSON.stringify(call.arguments, null, 2)}
          </pre>
        </details>
      ))}
    </>
  )
}
