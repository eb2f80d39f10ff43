import { expect } from 'vitest'
import type { Exchange } from '#fake-ollama/upstream.ts'

/**
 * Resolves once every buffer is full between an upstream that sends without pause and its reader.
 */
export async function untilFull({ socket }: Exchange) {
  let before = -1
  const isFull = () => {
    const isSame = socket.bytesWritten === before && socket.writableNeedDrain
    before = socket.bytesWritten
    return isSame
  }
  await expect.poll(isFull, { timeout: 15_000, interval: 150 }).toBe(true)
}
