import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { tokens } from '#fake-ollama/scripts.ts'
import { startUpstream, type Upstream } from '#fake-ollama/upstream.ts'
import { startBreakingProxy } from './breaking-proxy.ts'
import { startServer, type Server } from './runtimes/server.ts'
import { failing, failure, loadPrograms, loadSnippets, runOnNode, runSnippet, type Snippet } from './snippets.ts'

/** The blocks write a file, so they run in a folder of their own. */
const shell = { command: 'sh', args: ['-c', 'cd "$(mktemp -d)" && exec sh -s'] }

const snippets = loadSnippets('docs/resume.md')
const ofLanguage = (language: string) => snippets.filter((snippet) => snippet.language === language)
const programs = loadPrograms('docs/resume.md')

test('every block of docs/resume.md is run, but for the example of a frame, and the one that needs a key', () => {
  expect(programs).toHaveLength(3)
  // `html`, `tsx` and the program for EventSource run in tests/browser, and `python` in
  // tests/python.
  const others = snippets.filter(({ language }) => !['js', 'sh', 'html', 'tsx', 'python'].includes(language))
  expect(others.map(({ language }) => language)).toEqual(['', 'sh not run in CI'])
})

describe('every program of docs/resume.md', () => {
  let upstream: Upstream

  beforeAll(async () => {
    upstream = await startUpstream()
  })
  afterAll(() => upstream.close())

  test.concurrent.for(programs)('$name reads a whole answer over broken connections', async (snippet, { expect }) => {
    const model = `model-${programs.indexOf(snippet)}`
    const pieces = Array.from({ length: 300 }, (_, index) => ` ${index}`)
    upstream.script(tokens({ count: pieces.length, perSecond: 200, text: (index) => pieces[index]! }), model)
    const env = { OLLAMA_HOST: upstream.url, SLUICE_MODEL: model, SLUICE_LOG: 'silent' }
    const server = await startServer('node', env)
    // fetch-event-source loses a frame that is cut between its last two bytes (docs/hazards.md#95).
    const proxy = await startBreakingProxy(server.port, { isBetweenFrames: snippet.code.includes('fetchEventSource') })
    try {
      const { status, out, all } = await runSnippet(snippet, runOnNode, proxy.url)
      expect(out.replaceAll('\n', ''), all).toBe(pieces.join(''))
      expect(proxy.cuts).toBe(2)
      expect(upstream.requestsFor(model)).toHaveLength(1)
      expect(status).toBe(0)
    } finally {
      await proxy.close()
      await server.stop()
    }
  })
})

describe('with the demo', () => {
  let server: Server

  beforeAll(async () => {
    server = await startServer('node', { SLUICE_DEMO: '1', SLUICE_LOG: 'silent' })
  })
  afterAll(() => server.stop())

  test.concurrent.for(programs)('$name of docs/resume.md reports a failure', async (snippet, { expect }) => {
    const { all } = await runSnippet(snippet, runOnNode, server.url, failing)
    expect(all).toContain(failure)
  })

  test('the commands of docs/resume.md leave, come back, and stop', async () => {
    const blocks = ofLanguage('sh').map(({ code }) => code)
    const all: Snippet = { language: 'sh', name: 'With curl', code: blocks.join('echo ------\n') }
    const { status, out } = await runSnippet(all, shell, server.url)
    expect(status).toBe(0)
    const [left = '', whole = '', rest = '', stopped = ''] = out.split('------\n')
    expect(left).toMatch(/^:\nevent: messages\ndata: .*\nid: (\w{32})\.0\n\n[\s\S]*The answer is at \/streams\/\1\n$/)
    expect(whole).toMatch(/^:\nevent: messages\ndata: .*\nid: \w{32}\.0\n\n[\s\S]*\nevent: done\ndata: .*\nid: .*\n\n$/)
    expect(rest.replace(':\n', '')).toBe(whole.replace(/^[\s\S]*\nid: \w+\.100\n\n/, ''))
    expect(stopped).toMatch(/^:\nevent: failed\ndata: .*"cancelled".*\nid: \w{32}\.0\n\n$/)
  })
})
