import type { Host } from './host.ts'

/** Texts under names in one of the browser's two storages. Where it denies storage or has no room, nothing is kept, and nothing throws. */
export interface KeptTexts {
  read(name: string): string | undefined
  /** What was written as JSON of a map's entries; empty if it is none. */
  readMap<T>(name: string): Map<string, T>
  /** Forgets it if `text` is undefined. */
  write(name: string, text: string | undefined): void
}

/** `sessionStorage` lasts as long as the tab, `localStorage` stays on this device. */
export function createKeptTexts(host: Host, where: 'sessionStorage' | 'localStorage'): KeptTexts {
  const read = (name: string) => {
    try {
      return host[where].getItem(name) ?? undefined
    } catch {
      return undefined
    }
  }
  return {
    read,
    readMap<T>(name: string) {
      try {
        return new Map(JSON.parse(read(name) ?? '[]') as [string, T][])
      } catch {
        return new Map<string, T>()
      }
    },
    write(name, text) {
      try {
        if (text === undefined) host[where].removeItem(name)
        else host[where].setItem(name, text)
      } catch {
        // Denied or full.
      }
    },
  }
}
