import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { loadRecording, toLines } from '#fake-ollama/recording.ts'
import { answer, lines, replay, tokens } from '#fake-ollama/scripts.ts'
import { deaths } from '../runtimes/deaths.ts'
import { useStage } from '../runtimes/server.ts'
import { loadSnippets } from '../snippets.ts'
import { dies } from './dies.ts'
import { useOutside } from './outside.ts'
import { runProgram } from './run-program.ts'

const { models } = JSON.parse(toLines(loadRecording('tags')).join('')) as { models: readonly { name: string }[] }
const progress = lines(['{"status":"pulling manifest"}', '{"status":"success"}'])
const nothing = answer(200, {}, '')
const blob = 'not really a model'
const digest = `sha256:${createHash('sha256').update(blob).digest('hex')}`

describe('the ollama command, as docs/clients.md says', () => {
  const stage = useStage('node', { SLUICE_MANAGEMENT: '1' })
  const outside = useOutside()
  const [line] = loadSnippets().filter(({ language }) => language === 'sh ollama')

  /** Runs the command of docs/clients.md with other arguments. */
  async function ollama(args: string, files: Record<string, string> = {}) {
    const code = line!.code.replaceAll('http://127.0.0.1:8083', stage.server.url)
    // The command also calls this route. Without this line, a scripted model would answer the call
    // with its script.
    stage.upstream.on('POST /api/show', replay('show'))
    return runProgram(code.replace(/ollama run .*/, `ollama ${args}`), { env: outside.env, files })
  }
  const asked = (route: string) =>
    stage.upstream.requests.findLast(({ method, target }) => `${method} ${target}` === route)?.json

  test('list prints the installed models', async () => {
    const { status, out, all } = await ollama('list')
    expect(status, all).toBe(0)
    for (const { name } of models) expect(out).toContain(name)
  })

  test('ps prints the table of loaded models', async () => {
    const { status, out, all } = await ollama('ps')
    expect(status, all).toBe(0)
    expect(out).toMatch(/^NAME +ID/)
  })

  test('show prints the model’s capabilities', async () => {
    const { status, out, all } = await ollama('show gemma3:270m')
    expect(status, all).toBe(0)
    expect(out).toContain('Capabilities')
  })

  test('run prints the answer', async () => {
    const { status, out, all } = await ollama(`run ${stage.upstream.script(tokens({ count: 3 }))} 'What is Sluice?'`)
    expect(out, all).toContain('token token token')
    expect(status).toBe(0)
  })

  test.each(deaths)('run reports the reason when the upstream %s in the middle', async (_how, _code, end) => {
    const { status, all } = await ollama(`run ${stage.upstream.script(dies(end))} 'What is Sluice?'`)
    expect(all).toMatch(/broke in the middle|without finishing|the runner died/)
    expect(status).toBe(1)
  })

  test('create sends the content of the Modelfile, and reports success', async () => {
    stage.upstream.on(`HEAD /api/blobs/${digest}`, answer(404, {}, ''))
    stage.upstream.on(`POST /api/blobs/${digest}`, nothing)
    stage.upstream.on('POST /api/create', progress)
    const { status, all } = await ollama('create mine -f Modelfile', {
      'work/Modelfile': 'FROM gemma3:270m\nSYSTEM Be brief.\nPARAMETER temperature 0.5\n',
    })
    expect(status, all).toBe(0)
    expect(all).toContain('success')
    expect(asked('POST /api/create')).toMatchObject({ model: 'mine', from: 'gemma3:270m', system: 'Be brief.' })
  })

  test('cp copies, rm deletes, and pull and push succeed', async () => {
    for (const route of ['POST /api/pull', 'POST /api/push']) stage.upstream.on(route, progress)
    for (const route of ['POST /api/copy', 'DELETE /api/delete']) stage.upstream.on(route, nothing)
    for (const args of ['cp gemma3:270m copied', 'rm gemma3:270m', 'pull gemma3:270m', 'push registry.example/me/mine']) {
      const { status, all } = await ollama(args)
      expect(status, `${args}: ${all}`).toBe(0)
    }
    expect(asked('POST /api/copy')).toMatchObject({ source: 'gemma3:270m', destination: 'copied' })
    expect(asked('DELETE /api/delete')).toMatchObject({ name: 'gemma3:270m' })
  })
})
