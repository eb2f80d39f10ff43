import type { Host } from './host.ts'

/** Texts under names in one of the browser's two storages. Where it denies storage or has no room, nothing is kept, and nothing throws. */
export interface KeptTexts {
  read(name: string): string | undefined
  /** Forgets it if `text` is undefined. */
  write(name: string, text: string | undefined): void
}

/** `sessionStorage` lasts as long as the tab, `localStorage` stays on this device. */
export function createKeptTexts(host: Host, where: 'sessionStorage' | 'localStorage'): KeptTexts {
  return {
    read(name) {
      try {
        return host[where].getItem(name) ?? undefined
      } catch {
        return undefined
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
