import { test } from 'vitest'
import type { RuntimeName } from '../server.ts'

/** All rows of a table on Node, and a few of them elsewhere. */
export function toRows<T>(runtime: RuntimeName, rows: readonly T[]): readonly T[] {
  const step = runtime === 'node' ? 1 : Math.ceil(rows.length / 3)
  return rows.filter((_, i) => i % step === 0)
}

/** `test.each` for tables of pure code: no runtime changes what they test. */
export function toEach(runtime: RuntimeName): typeof test.each {
  return ((rows: readonly unknown[]) => test.each(toRows(runtime, rows))) as typeof test.each
}
