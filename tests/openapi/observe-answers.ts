import { afterAll, expect } from 'vitest'
import { observeAnswers, type Observed } from '../runtimes/reader.ts'

/**
 * Runs beside the files of the black-box suite (`setupFiles` in vitest.config.ts): every answer that
 * a test reads must be in the OpenAPI document, with its status, its headers, and its body or each
 * event of its stream. The answers are checked after all tests, so that a test loses no time.
 */
const answers: Observed[] = []
observeAnswers((answer) => {
  // Every answer of Sluice has this header. Others come from the scripted Ollama or from a proxy.
  if (answer.headers['x-request-id'] !== undefined) answers.push(answer)
})

afterAll(async () => {
  if (answers.length === 0) return
  const { findUndeclared } = await import('./declared.ts')
  expect(new Set(answers.flatMap(findUndeclared)), 'what the OpenAPI document does not say').toEqual(new Set())
})
