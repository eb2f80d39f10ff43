import type { Chat } from './chat.ts'
import { isRecord } from './fields.ts'
import { parseChat } from './parse-chat.ts'

const format = 'sluice-chats'
const version = 1

/** No file that is longer is read. */
export const maxFileBytes = 64 * 2 ** 20

/** All that these chats are, as a file to keep. In pieces: all of them in one string may be longer than a string can be. */
export function toFile(chats: readonly Chat[], now: number = Date.now()): Blob {
  const head = JSON.stringify({ format, version, exportedAt: new Date(now).toISOString() })
  const pieces = chats.map((chat, index) => (index === 0 ? '' : ',\n') + JSON.stringify(chat))
  return new Blob([head.slice(0, -1), ',"chats":[\n', ...pieces, '\n]}\n'], { type: 'application/json' })
}

/**
 * The chats of a file, which anybody may have written: what is wrong in it is left out, message by message. Undefined: it is no file of ours,
 * or longer than 64 MiB. Never throws.
 */
export function parseFile(text: string, now: number = Date.now()): Chat[] | undefined {
  if (text.length > maxFileBytes) return undefined
  try {
    const value: unknown = JSON.parse(text)
    if (!isRecord(value) || value.format !== format || value.version !== version || !Array.isArray(value.chats))
      return undefined
    return value.chats.flatMap((chat: unknown) => parseChat(chat, now) ?? [])
  } catch {
    return undefined
  }
}
