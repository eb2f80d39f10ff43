import { createHash } from 'node:crypto'
import { isEqual } from '../../src/middleware/is-equal.ts'
import type { Measure } from '../measure.ts'
import { toWelchT } from './welch.ts'

const SAMPLES = 100_000
/**
 * The number of comparisons in one sample. One comparison is shorter than the clock's resolution.
 */
const BATCH = 50

/** Every hash is a plain Uint8Array, because V8 compiles different code for a Buffer. */
const hashOf = (secret: string) => Uint8Array.from(createHash('sha256').update(secret).digest())

/**
 * Hashes one guess after another until a hash starts with the same bytes as the given hash. An
 * attacker would do this too if the time of a comparison depended on those bytes.
 */
function findSamePrefix(hash: Uint8Array, bytes: number): Uint8Array {
  for (let i = 0; ; i++) {
    const other = hashOf(`guess-${i}`)
    if (other.subarray(0, bytes).every((byte, index) => byte === hash[index])) return other
  }
}

/**
 * Times comparisons of `near` and of `far` with the key, in random order. Returns Welch's t of the
 * two samples.
 */
function measure(key: Uint8Array, near: Uint8Array, far: Uint8Array): number {
  const times: { near: number[]; far: number[] } = { near: [], far: [] }
  let equal = 0
  for (let i = -SAMPLES / 10; i < SAMPLES; i++) {
    const which = Math.random() < 0.5 ? 'near' : 'far'
    const hash = which === 'near' ? near : far
    const start = process.hrtime.bigint()
    for (let j = 0; j < BATCH; j++) if (isEqual(hash, key)) equal++
    const ns = Number(process.hrtime.bigint() - start)
    if (i >= 0) times[which].push(ns)
  }
  if (equal > 0) throw new Error('Cannot measure: two hashes are equal')
  return toWelchT(times.near, times.far)
}

/**
 * Measures whether the time of a comparison shows how many bytes of a hash are right. It runs in
 * this process, because the noise of a whole server would hide the difference.
 */
export const keyTiming: Measure = {
  name: 'key-timing',
  title: `comparing a hash that is right in its first two bytes, against one that is wrong from the first; Welch's |t| over ${SAMPLES} samples`,
  columns: [{ key: 't', title: '|t|', digits: 2 }],
  rows: ['sluice-node'],
  async run(_lab, names) {
    if (!names.includes('sluice-node')) return {}
    const key = hashOf('the secret')
    const far = Uint8Array.from(hashOf('another'), (byte, i) => (i === 0 && byte === key[0] ? byte ^ 1 : byte))
    return { 'sluice-node': { t: measure(key, findSamePrefix(key, 2), far) } }
  },
}
