import { expect } from 'vitest'
import type { ErrorCode } from '../../src/errors.ts'

export type Body = Record<string, unknown>
/** A body, and the path of its mistake. */
export type Refused = readonly [body: Body, path: string]

/** Expects a 400 with this code and an issue at this path. */
export function expectRefused(step: () => unknown, code: ErrorCode, path: string) {
  const issues = expect.arrayContaining([expect.objectContaining({ path })]) as unknown
  expect(step).toThrow(expect.objectContaining({ code, status: 400, issues }))
}
