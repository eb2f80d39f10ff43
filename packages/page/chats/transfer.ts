import type { Chat } from './chat.ts'
import { isRecord } from './fields.ts'
import { parseChat } from './parse-chat.ts'

const format = 'sluice-chats'
const version = 1

/** The maximum size of a file to import. A larger file is not read. */
export const maxFileBytes = 64 * 2 ** 20

/**
 * Makes the file for an export of the chats. It consists of pieces, because all chats together may
 * be too long for one string.
 */
export function toFile(chats: readonly Chat[], now: number = Date.now()): Blob {
  const head = JSON.stringify({ format, version, exportedAt: new Date(now).toISOString() })
  const pieces = chats.map((chat, index) => (index === 0 ? '' : ',\n') + JSON.stringify(chat))
  return new Blob([head.slice(0, -1), ',"chats":[\n', ...pieces, '\n]}\n'], { type: 'application/json' })
}

/**
 * Parses the chats of an imported file. Anybody may have written the file, so invalid messages and
 * fields are dropped. Returns `undefined` if the file is not an export of this page, or is longer
 * than 64 MiB. Never throws.
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
