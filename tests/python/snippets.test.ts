import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { tokens } from '#fake-ollama/scripts.ts'
import { startUpstream } from '#fake-ollama/upstream.ts'
import { startBreakingProxy } from '../breaking-proxy.ts'
import { startServer, type Server } from '../runtimes/server.ts'
import { failing, failure, isAnswer, loadSnippets, runSnippet } from '../snippets.ts'
import { toPython } from './python.ts'

const python = { command: toPython(), args: ['-'] }
const ofPython = (page: string) => loadSnippets(page).filter(({ language }) => language === 'python')

describe('every Python snippet', () => {
  const snippets = ofPython('docs/clients.md')
  const resuming = ofPython('docs/resume.md')
  let server: Server

  beforeAll(async () => {
    server = await startServer('node', { SLUICE_DEMO: '1', SLUICE_LOG: 'silent' })
  })
  afterAll(() => server.stop())

  test('is found: there are at least five in docs/clients.md, and one in docs/resume.md', () => {
    expect(snippets.length).toBeGreaterThanOrEqual(5)
    expect(resuming).toHaveLength(1)
  })

  test.concurrent.for([...snippets, ...resuming])('$name prints the answer', async (snippet, { expect }) => {
    const { status, out, all } = await runSnippet(snippet, python, server.url)
    expect(isAnswer(out), all).toBe(true)
    expect(status).toBe(0)
  })

  test.concurrent.for([...snippets, ...resuming])(
    '$name raises when the answer fails in the middle',
    async (snippet, { expect }) => {
      const { status, all } = await runSnippet(snippet, python, server.url, failing)
      expect(all).toContain(failure)
      expect(status).toBe(1)
    },
  )

  test.concurrent.for(resuming)('$name reads a whole answer over broken connections', async (snippet, { expect }) => {
    const upstream = await startUpstream()
    const pieces = Array.from({ length: 300 }, (_, index) => ` ${index}`)
    upstream.script(tokens({ count: pieces.length, perSecond: 200, text: (index) => pieces[index]! }), 'm')
    const sluice = await startServer('node', { OLLAMA_HOST: upstream.url, SLUICE_MODEL: 'm', SLUICE_LOG: 'silent' })
    const proxy = await startBreakingProxy(sluice.port)
    try {
      const { status, out, all } = await runSnippet(snippet, python, proxy.url)
      expect(out, all).toBe(pieces.join(''))
      expect(proxy.cuts).toBe(2)
      expect(upstream.requestsFor('m')).toHaveLength(1)
      expect(status).toBe(0)
    } finally {
      await proxy.close()
      await sluice.stop()
      await upstream.close()
    }
  })
})
