import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startServer, type Server } from './runtimes/server.ts'
import { failing, failure, isAnswer, loadSnippets, runSnippet, type Interpreter, type Snippet } from './snippets.ts'

/** A module that defines the browser globals that `@microsoft/fetch-event-source` needs. */
const browser = 'data:text/javascript,globalThis.window=globalThis;globalThis.document=new EventTarget()'

const interpreters: Record<string, (snippet: Snippet) => Interpreter> = {
  js: ({ code }) => ({
    command: process.execPath,
    args: [...(code.includes("'@microsoft/fetch-event-source'") ? ['--import', browser] : []), '--input-type=module'],
  }),
  sh: () => ({ command: 'sh', args: ['-s'] }),
}

const snippets = loadSnippets()

/**
 * Matches the languages of the blocks that tests/python and tests/agents run. `sh codex` is the
 * language of a command. `toml ~/…` is the language of a file that the command reads.
 */
const elsewhere = /^python$|^sh \w+$|^\w+ ~\//

test('every block of docs/clients.md is run, here, in tests/python or in tests/agents, but for two editors', () => {
  expect(snippets.length).toBeGreaterThan(20)
  const others = snippets.filter(({ language }) => interpreters[language] === undefined && !elsewhere.test(language))
  expect(others.map(({ name, language }) => `${name}: ${language}`)).toEqual([
    'Continue: yaml not run in CI',
    'Zed: json not run in CI',
  ])
})

describe('every snippet of docs/clients.md', () => {
  let server: Server

  beforeAll(async () => {
    server = await startServer('node', { SLUICE_DEMO: '1', SLUICE_LOG: 'silent' })
  })
  afterAll(() => server.stop())

  const runs = snippets.flatMap((snippet) => {
    const interpreter = interpreters[snippet.language]?.(snippet)
    return interpreter ? [{ name: `${snippet.name} (${snippet.language})`, snippet, interpreter }] : []
  })

  test.concurrent.for(runs)('$name prints the answer', async ({ snippet, interpreter }, { expect }) => {
    const { status, out, all } = await runSnippet(snippet, interpreter, server.url)
    expect(isAnswer(out), all).toBe(true)
    expect(status).toBe(0)
  })

  test.concurrent.for(runs)(
    '$name reports a failure in the middle of a stream',
    async ({ snippet, interpreter }, { expect }) => {
      const { all } = await runSnippet(snippet, interpreter, server.url, failing)
      expect(all).toContain(snippet.code.includes("'ollama-ai-provider-v2'") ? 'The answer broke off' : failure)
    },
  )
})
