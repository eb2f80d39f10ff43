import type { Wire } from './wire.ts'

/** As many as `node:http` keeps. */
const maxIdle = 256

/** The wires to one server that wait for their next request. */
export interface IdleWires {
  /** Returns the wire that was used last, because it is the least likely to have closed. */
  take(): Wire | undefined
  /**
   * Keeps a wire until it closes. A byte that nobody asked for closes it too. A wire can be taken
   * again two turns of the loop later, because by then every byte that followed its last response
   * has been read. Such bytes would look like the next response.
   */
  put(wire: Wire): void
}

/** `defer` runs a step in a later turn of the loop. */
export function createIdleWires(defer: (step: () => void) => void): IdleWires {
  let wires: Wire[] = []

  return {
    take: () => wires.pop(),
    put(wire) {
      let isOpen = true
      function drop() {
        isOpen = false
        wires = wires.filter((idle) => idle !== wire)
        wire.destroy()
      }
      wire.listener = { onBytes: drop, onDrain() {}, onClose: drop }
      defer(() =>
        defer(() => {
          if (isOpen && wires.push(wire) > maxIdle) wires.shift()!.destroy()
        }),
      )
    },
  }
}
