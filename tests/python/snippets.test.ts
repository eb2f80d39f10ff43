import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startServer, type Server } from '../runtimes/server.ts'
import { failing, failure, isAnswer, loadSnippets, runSnippet } from '../snippets.ts'
import { toPython } from './python.ts'

describe('every Python snippet of docs/clients.md', () => {
  const snippets = loadSnippets().filter(({ language }) => language === 'python')
  const python = { command: toPython(), args: ['-'] }
  let server: Server

  beforeAll(async () => {
    server = await startServer('node', { SLUICE_DEMO: '1', SLUICE_LOG: 'silent' })
  })
  afterAll(() => server.stop())

  test('is found: there are at least five', () => {
    expect(snippets.length).toBeGreaterThanOrEqual(5)
  })

  test.concurrent.for(snippets)('$name prints the answer', async (snippet, { expect }) => {
    const { status, out, all } = await runSnippet(snippet, python, server.url)
    expect(isAnswer(out), all).toBe(true)
    expect(status).toBe(0)
  })

  test.concurrent.for(snippets)('$name raises when the answer fails in the middle', async (snippet, { expect }) => {
    const { status, all } = await runSnippet(snippet, python, server.url, failing)
    expect(all).toContain(failure)
    expect(status).toBe(1)
  })
})
