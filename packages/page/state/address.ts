import type { Host } from './host.ts'

/**
 * The id of the open chat in the page's address, `#/c/<id>`. So a reload opens the same chat, and
 * Back opens the previous one.
 */
export interface Address {
  /** The id of the open chat. `undefined` for an empty chat. */
  read(): string | undefined
  /** Writes the id into the address. With `isStep`, Back returns to the previous address. */
  write(id: string | undefined, isStep: boolean): void
}

/** Calls `onMove` when the address changes by Back, by Forward or because the user edits it. */
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
