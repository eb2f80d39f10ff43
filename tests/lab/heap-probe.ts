import { writeSync } from 'node:fs'

// Preloaded on Node (with --expose-gc) and Bun: on SIGUSR2 it collects all garbage and writes to descriptor 3 how many bytes are in use.
// It does nothing until then, so the figures of CPU are those of a server without it.
const { Bun } = globalThis as { Bun?: { gc(force: true): void } }
const collect = (): void => (Bun ? Bun.gc(true) : globalThis.gc?.())

process.on('SIGUSR2', () => {
  collect()
  // What finalizers let go of is garbage only now.
  setImmediate(() => {
    collect()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    writeSync(3, `${heapUsed + arrayBuffers}\n`)
  })
})
