import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createDialectAt, createDialects } from '../src/dialects.ts'
import { readPage } from './citations.ts'
import { surfaces } from './surfaces.ts'

const dialects = createDialects({ management: false })
const generations = dialects.flatMap((dialect) => Object.keys(dialect.generations))
const questions = dialects.flatMap((dialect) => Object.keys(dialect.questions))
/** Turns `GET /v1/models/:id{.+}` into `/v1/models/:id`. */
const toPath = (route: string) => route.replace(/^[A-Z]+ /, '').replace(/\{.*\}$/, '')

/**
 * Whether a page contains a path as code. For a path below `/ollama`, the page must contain the
 * rest of the path, without `/ollama`.
 */
function isNamed(page: string, path: string): boolean {
  const told = path.replace(/^\/ollama(?=\/(?:api|v1)\/)/, '')
  return page.split(/[`\s]/).includes(told)
}

describe('the surfaces of the hostile tests (tests/surfaces.ts)', () => {
  const paths: readonly string[] = surfaces.map(({ path }) => path)
  const asked = questions.filter((route) => route.startsWith('POST ')).map(toPath)

  test.each([...generations, ...asked])('have %s', (path) => {
    expect(paths, `add a row for ${path} to tests/surfaces.ts`).toContain(path)
  })

  test.each(surfaces)('say whether $path generates', ({ path, endpoint }) => {
    expect(generations.includes(path), `correct the endpoint of ${path} in tests/surfaces.ts`).toBe(endpoint !== undefined)
  })

  test('contain no path that no dialect has', () => {
    const strangers = paths.filter((path) => ![...generations, ...asked].includes(path))
    expect(strangers, `take ${strangers.join(', ')} out of tests/surfaces.ts`).toEqual([])
  })
})

describe.each(['docs/compatibility.md', 'docs/protocol.md'])('%s', (file) => {
  const page = readPage(file)

  test.each(generations)('names %s', (path) => {
    expect(isNamed(page, path), `say in ${file} what is spoken at ${path}`).toBe(true)
  })
})

test.each(questions)('docs/compatibility.md names %s', (route) => {
  const isThere = isNamed(readPage('docs/compatibility.md'), toPath(route))
  expect(isThere, `say in docs/compatibility.md what ${route} supports, refuses and ignores`).toBe(true)
})

const everyDialect = createDialects({ management: true })
const prefixAt = (path: string, list = everyDialect) => createDialectAt(list)(path).prefix

const owners = [
  ['', ['/', '/x', '/api/chat', '/api/ui', '/api/ui/chats', '/API/ui/chat', '/chats', '/Chat', '/ollamax', '/v10/x', '//v1/x']],
  ['', ['/Ollama/api/chat', '/V1/messages', '/x/v1/messages']],
  ['/chat', ['/chat', '/chat/', '/chat/x']],
  ['/api/ui/chat', ['/api/ui/chat', '/api/ui/chat/', '/api/ui/chat/x']],
  [
    '/ollama',
    ['/ollama', '/ollama/', '/ollama/api/chat', '/ollama/nothing', '/ollama/cancel/x', '/ollama/v2', '/ollama/api/ui/chat'],
  ],
  ['/ollama/v1', ['/ollama/v1', '/ollama/v1/', '/ollama/v1/chat/completions', '/ollama/v1/nothing', '/ollama/v1/messagesx']],
  ['/ollama/v1/messages', ['/ollama/v1/messages', '/ollama/v1/messages/count_tokens']],
  ['/v1/systemone', ['/v1/systemone', '/v1/systemone/x']],
  ['/ollama/v1/systemone', ['/ollama/v1/systemone']],
  ['/v1', ['/v1', '/v1/', '/v1/chat/completions', '/v1/nothing', '/v1/message', '/v1/messagesx', '/v1/ollama/x']],
  ['/v1', ['/v1/responses', '/v1/responses/', '/v1/responses/resp_1', '/v1/responsesx']],
  ['/v1/messages', ['/v1/messages', '/v1/messages/', '/v1/messages/count_tokens', '/v1/messages/batches/x']],
] as const

describe('the dialect at a path', () => {
  test.each(owners.flatMap(([prefix, paths]) => paths.map((path) => ({ prefix, path }))))(
    '$path belongs to the dialect with the prefix "$prefix", in any order of the list',
    ({ prefix, path }) => {
      expect(prefixAt(path)).toBe(prefix)
      fc.assert(
        fc.property(fc.shuffledSubarray([...everyDialect], { minLength: everyDialect.length }), (shuffled) => {
          expect(prefixAt(path, shuffled)).toBe(prefix)
        }),
        { numRuns: 50 },
      )
    },
  )

  test('is the one that has a route at this path', () => {
    for (const dialect of everyDialect) {
      const routes = Object.keys(dialect.questions).map((route) => route.split(' ')[1]!)
      const paths = [...Object.keys(dialect.generations), ...routes]
      expect(paths).not.toEqual([])
      for (const path of paths) expect(prefixAt(path), path).toBe(dialect.prefix)
    }
  })
})

test('no two dialects have the same prefix', () => {
  const prefixes = everyDialect.map(({ prefix }) => prefix)
  expect(new Set(prefixes).size).toBe(prefixes.length)
})
