import { writeSync } from 'node:fs'

// This module is preloaded on Node (with --expose-gc) and Bun. On SIGUSR2 it collects all garbage
// and writes the number of bytes in use to descriptor 3. Until then it does nothing, so it does
// not change the CPU figures.
const { Bun } = globalThis as { Bun?: { gc(force: true): void } }
const collect = (): void => (Bun ? Bun.gc(true) : globalThis.gc?.())

process.on('SIGUSR2', () => {
  collect()
  // After the first collection, finalizers have released more objects. So collect again.
  setImmediate(() => {
    collect()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    writeSync(3, `${heapUsed + arrayBuffers}\n`)
  })
})
