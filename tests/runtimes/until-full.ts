import { expect } from 'vitest'
import type { Exchange } from '#fake-ollama/upstream.ts'

/**
 * Resolves once all buffers between the upstream and the reader are full. The upstream must send
 * without pause.
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
