import type { Chat, ChatSettings, Message } from './chat.ts'

interface RequestMessage {
  readonly role: 'system' | 'user' | 'assistant'
  readonly content: string
  readonly images?: readonly string[]
}

/** The body of `POST /api/chat` that asks for an answer: what came before it, and what there is of it already, for Ollama to go on from. */
export function toRequest(chat: Chat, answerId: string): object {
  const { model, system, think, keepAlive } = chat.settings
  const said = toPath(chat, answerId).filter(({ role, text }) => role === 'user' || text !== '')
  const options = toOptions(chat.settings)
  return {
    ...(model !== undefined && { model }),
    messages: [...(system ? [{ role: 'system', content: system }] : []), ...said.map(toMessage)],
    ...(think !== undefined && { think }),
    ...(Object.keys(options).length > 0 && { options }),
    // A number is seconds to Ollama, and -1 is for ever; the text `-1` is a mistake.
    ...(keepAlive !== undefined && { keep_alive: /^-?\d+$/.test(keepAlive) ? Number(keepAlive) : keepAlive }),
  }
}

/** From the first message down to this one. */
function toPath({ messages }: Chat, id: string): Message[] {
  const path: Message[] = []
  for (let at = messages[id]; at && !path.includes(at); at = messages[at.parent]) path.unshift(at)
  return path
}

/** What the model thought is not sent back: templates leave it out. */
function toMessage({ role, text, images }: Message): RequestMessage {
  return { role, content: text, ...(images && { images }) }
}

function toOptions({ temperature, numCtx, numPredict, seed }: ChatSettings): Record<string, number> {
  const options = { temperature, num_ctx: numCtx, num_predict: numPredict, seed }
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Record<string, number>
}
