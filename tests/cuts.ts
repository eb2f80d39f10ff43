import * as fc from 'fast-check'
import { cutBytes } from '#fake-ollama/scripts.ts'

/** Offsets for cuts: few, many, or four adjacent offsets. */
export const cuts: fc.Arbitrary<number[]> = fc.oneof(
  fc.array(fc.nat(12_000), { maxLength: 12 }),
  fc.array(fc.nat(400), { maxLength: 40 }),
  fc.nat(12_000).map((at) => [at, at + 1, at + 2, at + 3]),
)

/** Cuts bytes at the offsets. Adds an empty piece at the start and before every third piece. */
export function cutAnywhere(bytes: Uint8Array, offsets: readonly number[]): Uint8Array[] {
  const pieces = cutBytes(bytes, offsets)
  return [new Uint8Array(), ...pieces.flatMap((piece, index) => (index % 3 === 2 ? [new Uint8Array(), piece] : [piece]))]
}
