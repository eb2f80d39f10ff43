import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../', import.meta.url))

/**
 * The interfaces that have a contract (tests/contracts), each with the function that runs the
 * contract.
 */
const contracts = {
  Connect: 'connectContract',
  Encoder: 'encoderContract',
  Limits: 'limitsContract',
  Open: 'openContract',
  RunLogs: 'runLogContract',
  Upstream: 'upstreamContract',
} as const

/** Exports that have one of these types but need no contract test, each with the reason. */
const exceptions: Readonly<Record<string, string>> = {
  connectOnBun: 'needs Bun: its sockets run in the black-box suite',
  connectOnDeno: 'needs Deno: its sockets run in the black-box suite',
  connectOnNode: 'chooses between two that run it themselves',
  createChunks: 'makes the chunks of OpenAI, which run it one by one',
  demanding: 'fails where an answer has no call, as most of the contract’s have: tests/dialects/openai/chat/call.test.ts',
  folding: 'makes the encoders of one object, which run it one by one',
  negotiate: 'chooses among encoders that run it themselves',
  openOnBun: 'needs Bun: tests/runtimes/suite/backpressure.ts has its promises on every runtime',
  openOnDeno: 'needs Deno: tests/runtimes/deno/sluice.test.ts has its promises',
  resumableUiMessageStream:
    'is uiMessageStream with a random message id, so its texts differ: tests/dialects/ai-sdk/stream.test.ts',
  toRepeatingEncoder: 'only repeats the failures that another encoder has made: tests/redis/shared-runs.test.ts',
  openOnWorker: 'needs workerd: tests/runtimes/suite/backpressure.ts has its promises on every runtime',
}

interface Implementation {
  readonly type: keyof typeof contracts
  /** The path from the project's root. */
  readonly module: string
  readonly name: string
}

const toMatches = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, name = '']) => name)

/** Returns the exported constants and functions of a module that are annotated with this type. */
function toAnnotated(text: string, type: string): string[] {
  const patterns = [
    `^export const (\\w+): ${type}\\b(?!\\[)`,
    `^export const (\\w+) = (?:.(?!^\\w))*?\\): ${type} =>`,
    `^export (?:async )?function (\\w+)\\((?:.(?!^\\w))*?\\): ${type} \\{$`,
  ]
  return patterns.flatMap((pattern) => toMatches(text, new RegExp(pattern, 'gms')))
}

/**
 * Returns the exported values of a module that look like an encoder, even without a type
 * annotation.
 */
async function toEncoders(module: string): Promise<string[]> {
  const exported = (await import(root + module)) as Readonly<Record<string, unknown>>
  return Object.entries(exported).flatMap(([name, value]) =>
    typeof value === 'object' &&
    value &&
    'contentType' in value &&
    Object.values(value).some((part) => typeof part === 'function')
      ? [name]
      : [],
  )
}

/**
 * Returns the names of the `createX` functions that a module exports, even those without a type
 * annotation. Returns an empty list if the module has no annotation `: Upstream`.
 */
function toUpstreams(text: string): string[] {
  return /: Upstream\b(?!\[)/.test(text) ? toMatches(text, /^export (?:const|function) (create\w+)/gm) : []
}

async function findImplementations(): Promise<Implementation[]> {
  const found = await Promise.all(
    globSync('src/**/*.ts', { cwd: root }).map(async (module) => {
      const text = readFileSync(root + module, 'utf8')
      const namesOf = async (type: keyof typeof contracts) => [
        ...toAnnotated(text, type),
        ...(type === 'Encoder' && /^src\/(?:encoders|dialects)\//.test(module) ? await toEncoders(module) : []),
        ...(type === 'Upstream' && module.startsWith('src/upstreams/') ? toUpstreams(text) : []),
      ]
      const types = Object.keys(contracts) as (keyof typeof contracts)[]
      const all = types.map(async (type) => [...new Set(await namesOf(type))].map((name) => ({ type, module, name })))
      return (await Promise.all(all)).flat()
    }),
  )
  return found.flat()
}

/**
 * Returns the statements that call the contract, and all declarations that they use directly or
 * indirectly.
 */
function toReached(text: string, contract: string): string {
  const statements = text.split(/^(?=\w)/m).filter((statement) => !statement.startsWith('import '))
  let reached = statements.filter((statement) => statement.includes(`${contract}(`))
  for (let before = -1; before !== reached.length;) {
    before = reached.length
    const told = reached.join('')
    const isNamed = (name: string | undefined) => name !== undefined && new RegExp(`\\b${name}\\b`).test(told)
    reached = statements.filter(
      (statement) => reached.includes(statement) || isNamed(/^(?:const|(?:async )?function) (\w+)/.exec(statement)?.[1]),
    )
  }
  return reached.join('')
}

/** Returns the imports that a test file uses to run the contract. Each is one text: the module, a
 * space, and the imported name. */
function toRun(file: string, contract: string): string[] {
  const text = readFileSync(root + file, 'utf8')
  if (!text.includes(`${contract}(`)) return []
  const reached = toReached(text, contract)
  return [...text.matchAll(/^import \{([^}]+)\} from '(\.[^']+)'/gm)].flatMap(([, names = '', from = '']) =>
    names
      .split(',')
      .map((name) => name.trim().split(' as '))
      .filter(([name = '', local = name]) => new RegExp(`\\b${local}\\b`).test(reached))
      .map(([name]) => `${join(dirname(file), from)} ${name}`),
  )
}

const implementations = await findImplementations()
const testFiles = globSync('tests/**/*.test.ts', { cwd: root })
const runs = new Map(
  Object.entries(contracts).map(([type, contract]) => [type, new Set(testFiles.flatMap((file) => toRun(file, contract)))]),
)
const isRun = ({ type, module, name }: Implementation) => runs.get(type)!.has(`${module} ${name}`)

describe.each(Object.entries(contracts))('%s', (type, contract) => {
  const own = implementations.filter((implementation) => implementation.type === type)

  test('has implementations, which this test finds', () => {
    // So far, logs are kept only in memory.
    expect(own.length).toBeGreaterThan(type === 'RunLogs' ? 0 : 1)
    expect(own.filter(isRun)).not.toEqual([])
  })

  test.each(own.filter(({ name }) => !(name in exceptions)))('$name runs its contract ($module)', (implementation) => {
    const { name, module } = implementation
    const advice = `call ${contract} (tests/contracts) with ${name} in the test of ${module}, or say in tests/contracts.test.ts why not`
    expect(isRun(implementation), advice).toBe(true)
  })
})

test.each(Object.keys(exceptions))('%s is still an exception', (name) => {
  const excepted = implementations.filter((implementation) => implementation.name === name && !isRun(implementation))
  expect(excepted, `take ${name} out of the exceptions in tests/contracts.test.ts: it needs none`).toHaveLength(1)
})
