import type { Host } from './host.ts'

/**
 * The open chat in the page's address, `#/c/<id>`. A reload opens the same chat, and Back opens
 * the one before.
 */
export interface Address {
  /** The id of the open chat. `undefined` for an empty chat. */
  read(): string | undefined
  /** With `isStep`, Back leads from the new address to the one before. */
  write(id: string | undefined, isStep: boolean): void
}

/** Calls `onMove` when Back, Forward or the reader's hand has changed the address. */
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
