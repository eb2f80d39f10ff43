/**
 * The browser's two storages. `sessionStorage` lasts as long as the tab. `localStorage` stays on
 * this device.
 */
export interface Storages {
  /** Both are getters, which throw where a browser denies storage. */
  readonly sessionStorage: TextStorage
  readonly localStorage: TextStorage
}

/** What the page uses of a browser's `Storage`. */
export type TextStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>

/**
 * Texts under names in one of the two storages. Nothing here throws. If the browser denies storage
 * or has no room, a text is not kept.
 */
export interface SafeStorage {
  read(name: string): string | undefined
  /** Reads a map that was written as the JSON of its entries. Empty if the text is not one. */
  readMap<T>(name: string): Map<string, T>
  /** Removes the text if `text` is undefined. */
  write(name: string, text: string | undefined): void
}

export function createSafeStorage(storages: Storages, area: keyof Storages): SafeStorage {
  const read = (name: string) => {
    try {
      return storages[area].getItem(name) ?? undefined
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
        if (text === undefined) storages[area].removeItem(name)
        else storages[area].setItem(name, text)
      } catch {
        // The storage is denied or full.
      }
    },
  }
}
