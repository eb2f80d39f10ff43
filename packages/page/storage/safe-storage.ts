/**
 * The two storages of a browser. `sessionStorage` lasts as long as the tab. `localStorage` stays on
 * this device.
 */
export interface Storages {
  /** Both are getters, which throw if the browser denies storage. */
  readonly sessionStorage: TextStorage
  readonly localStorage: TextStorage
}

/** The methods of a browser's `Storage` that the page uses. */
export type TextStorage = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>

/**
 * Stores texts by name in one of the two storages. No method throws. If the browser denies storage
 * or its storage is full, the text is not stored.
 */
export interface SafeStorage {
  read(name: string): string | undefined
  /**
   * Reads a map that was written as the JSON of its entries. Returns an empty map if the text is
   * invalid.
   */
  readMap<T>(name: string): Map<string, T>
  /** Stores the text, or removes it if `text` is undefined. */
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
