import type { Wire } from './wire.ts'

/** As many as `node:http` keeps. */
const maxIdle = 256

/** The wires to one server that wait for their next request. */
export interface IdleWires {
  /** Returns the wire that was used last, because it is the least likely to have closed. */
  take(): Wire | undefined
  /**
   * Keeps a wire until it closes. A byte that nobody asked for closes it too. A wire can be taken
   * again after two steps, because between them the loop reads every byte that has followed the
   * last response. Such bytes would look like the next response. All wires share these two steps.
   * If each had its own, many wires would wait for their turn, while new requests would open more
   * and more connections.
   */
  put(wire: Wire): void
}

/** Creates an empty list. `defer` runs a step in a later turn of the event loop. */
export function createIdleWires(defer: (step: () => void) => void): IdleWires {
  let wires: Wire[] = []
  /** The wires that have been put since the last step. */
  let fresh = new Set<Wire>()

  function settle() {
    const ready = fresh
    fresh = new Set()
    defer(() => {
      wires.push(...ready)
      for (const wire of wires.splice(0, wires.length - maxIdle)) wire.destroy()
    })
  }

  return {
    take: () => wires.pop(),
    put(wire) {
      if (fresh.size === 0) defer(settle)
      const waiting = fresh.add(wire)
      function drop() {
        waiting.delete(wire)
        wires = wires.filter((idle) => idle !== wire)
        wire.destroy()
      }
      wire.listener = { onBytes: drop, onDrain() {}, onClose: drop }
    },
  }
}
