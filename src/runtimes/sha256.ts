import { createHash } from 'node:crypto'

/**
 * Hashes on Node, Bun and Deno. It is synchronous, because `crypto.subtle` uses a thread and costs
 * ten times the CPU.
 */
export function sha256OfNode(text: string): Uint8Array {
  return createHash('sha256').update(text).digest()
}
