import type { Chat } from './chat.ts'
import { parseChat } from './parse-chat.ts'

/** A file may be so long, in UTF-16 units. */
const maxLength = 64 * 2 ** 20

/** All that these chats are, as a file to keep. */
export function toFile(chats: readonly Chat[]): Blob {
  const text = JSON.stringify({ format: 'sluice-chats', version: 1, exportedAt: new Date().toISOString(), chats }, null, 1)
  return new Blob([text], { type: 'application/json' })
}

/** The chats of a file, which anybody may have written: those of them that are chats. Undefined: it is no file of ours. */
export function parseFile(text: string): Chat[] | undefined {
  if (text.length > maxLength) return undefined
  try {
    const { format, version, chats } = JSON.parse(text) as Record<string, unknown>
    if (format !== 'sluice-chats' || version !== 1 || !Array.isArray(chats)) return undefined
    return chats.flatMap((chat: unknown) => parseChat(chat) ?? [])
  } catch {
    return undefined
  }
}
