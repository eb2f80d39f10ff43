import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** A block of code of a page. */
export interface Snippet {
  /** The language of its fence. */
  readonly language: string
  /**
   * The name of the block's test: the heading, and the number of earlier blocks under that heading.
   */
  readonly name: string
  readonly code: string
}

const root = fileURLToPath(new URL('../', import.meta.url))
const address = 'http://127.0.0.1:8083'
const question = 'What is Sluice?'
/** A limit is needed, because a reader that retries for ever never ends by itself. */
const timeout = 15_000

/**
 * Returns every block of a page, in order.
 * @throws Error if a fence belongs to no block
 */
export function loadSnippets(path = 'docs/clients.md'): Snippet[] {
  const page = readFileSync(root + path, 'utf8')
  const snippets: Snippet[] = []
  let heading = ''
  let count = 0
  for (const [, title, language = '', code = ''] of page.matchAll(
    /^#+ (.*)$|^ *(?:```|~~~)(.*)\n([\s\S]*?)^ *(?:```|~~~) *$/gm,
  )) {
    if (title !== undefined) [heading, count] = [title, 0]
    else snippets.push({ language, name: ++count === 1 ? heading : `${heading}, ${count}`, code })
  }
  if (page.match(/^ *(?:```|~~~)/gm)?.length !== 2 * snippets.length)
    throw new Error('Cannot read the page: a fence is left over')
  return snippets
}

/** Returns the programs for Node of a page. */
export function loadPrograms(path: string): Snippet[] {
  return loadSnippets(path).filter(({ language, code }) => language === 'js' && !code.includes('new EventSource('))
}

/** The command that runs code in a language. It reads the code from its standard input. */
export interface Interpreter {
  readonly command: string
  readonly args: readonly string[]
}

/** Runs a program on Node, with the browser globals that `@microsoft/fetch-event-source` needs. */
export const runOnNode: Interpreter = {
  command: process.execPath,
  args: [
    '--import',
    'data:text/javascript,globalThis.window=globalThis;globalThis.document=new EventTarget()',
    '--input-type=module',
  ],
}

/**
 * Runs a snippet against a demo. Only the address and the question in it are replaced, by `url` and
 * `ask`.
 * @throws Error if the snippet lacks the address or the question
 */
export async function runSnippet({ name, code }: Snippet, { command, args }: Interpreter, url: string, ask = question) {
  for (const text of [address, question])
    if (!code.includes(text)) throw new Error(`Cannot run ${name}: '${text}' is not in it`)
  const env = { PATH: process.env.PATH, PYTHONUTF8: '1' }
  const child = spawn(command, args, { cwd: root, env, stdio: 'pipe', timeout })
  const said = { out: '', all: '' }
  child.stdout.on('data', (data: Buffer) => (said.out += data.toString()))
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (said.all += data.toString()))
  child.stdin.end(code.replaceAll(address, url).replaceAll(question, ask))
  const [status] = (await once(child, 'close')) as [number | null]
  return { status, ...said }
}

/**
 * Whether the output contains the demo's answer to a snippet's question. Each piece of the answer
 * may be on its own line or in the data of an SSE event.
 */
export function isAnswer(out: string): boolean {
  return out.replaceAll(/^event: messages$|^data: |\n/gm, '').includes('Every stream ends in exactly one honest terminal')
}

/** Makes the demo fail in the middle of its answer. */
export const failing = '/fail after 5'
/** The error text of the demo, which is the same as Ollama's. */
export const failure = 'an error was encountered while running the model: unexpected EOF'
