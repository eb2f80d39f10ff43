import { test } from 'vitest'
import type { RuntimeName } from '../server.ts'

/** Returns all rows of a table on Node, and about a third of the rows on other runtimes. */
export function toRows<T>(runtime: RuntimeName, rows: readonly T[]): readonly T[] {
  const step = runtime === 'node' ? 1 : Math.ceil(rows.length / 3)
  return rows.filter((_, i) => i % step === 0)
}

/** `test.each` for code that does not depend on the runtime. Only Node runs every row. */
export function toEach(runtime: RuntimeName): typeof test.each {
  return ((rows: readonly unknown[]) => test.each(toRows(runtime, rows))) as typeof test.each
}
