import type { Host } from './host.ts'

/** The open chat in the page's address, `#/c/<id>`: a reload opens the same one, and Back the one before. */
export interface Address {
  /** Undefined: an empty chat. */
  read(): string | undefined
  /** `isStep`: Back returns from here. */
  write(id: string | undefined, isStep: boolean): void
}

/** `onMove` when Back, Forward or the reader's hand has changed it. */
export function createAddress(host: Host, onMove: (id: string | undefined) => void): Address {
  const read = () => /^#\/c\/([\w-]{1,64})$/.exec(host.location.hash)?.[1]
  host.addEventListener('popstate', () => onMove(read()))
  return {
    read,
    write(id, isStep) {
      if (id === read()) return
      const url = id === undefined ? host.location.pathname : `#/c/${id}`
      host.history[isStep ? 'pushState' : 'replaceState'](null, '', url)
    },
  }
}
