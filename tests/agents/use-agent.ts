import { json } from '#fake-ollama/scripts.ts'
import type { Stage } from '../runtimes/server.ts'
import { loadSnippets } from '../snippets.ts'
import type { Agent } from './agents.ts'
import { useOutside } from './outside.ts'
import { runProgram, type Ran } from './run-program.ts'

interface AskOptions {
  readonly key?: string
  /** Arguments that are appended to the command. */
  readonly more?: string | undefined
}

/**
 * Runs the agent's command with its configuration. Both come from docs/clients.md. Only address,
 * model and key are replaced.
 */
export type Ask = (stage: Stage, model: string, options?: AskOptions) => Promise<Ran>

/** Sets up an agent for the tests of a `describe`, as docs/clients.md describes. */
export function useAgent({ name, settings = '', env, tries }: Agent): Ask {
  const outside = useOutside(tries)
  const blocks = loadSnippets().filter((block) => block.name.replace(/, \d+$/, '') === name)
  const line = blocks.find(({ language }) => language.startsWith('sh '))!.code.trim()
  const models = new Set<string>()

  return async (stage, model, { key = 'none', more = '' } = {}) => {
    const { url } = stage.server
    const replaced = (code: string) =>
      code
        .replaceAll('http://127.0.0.1:8083', url)
        .replaceAll(/demo(-tools)?/g, model)
        .replaceAll(/\bnone\b/g, key)
    const files = blocks.flatMap(({ language, code }) => {
      const path = /~\/(.*)/.exec(language)?.[1]
      return path === undefined ? [] : [[path, settings + replaced(code)] as const]
    })
    // llm accepts only a model that Ollama lists.
    models.add(model)
    stage.upstream.on('GET /api/tags', json({ models: [...models].map(toListed) }))
    stage.upstream.on('POST /api/show', json({ capabilities: ['completion', 'tools', 'thinking'], model_info: {} }))
    return runProgram(`${replaced(line)} ${more}`, { env: { ...outside.env, ...env }, files: Object.fromEntries(files) })
  }
}

const toListed = (model: string) => ({ name: model, model, modified_at: '2026-11-22T10:13:50Z', size: 1, digest: model })
