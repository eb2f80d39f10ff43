import { createHash } from 'node:crypto'

/**
 * Hashes synchronously, because `crypto.subtle` goes through a thread and costs ten times the CPU
 * (Node and Bun).
 */
export function sha256OfNode(text: string): Uint8Array {
  return createHash('sha256').update(text).digest()
}
