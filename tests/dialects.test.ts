import { describe, expect, test } from 'vitest'
import { createDialects } from '../src/dialects.ts'
import { readPage } from './citations.ts'
import { surfaces } from './surfaces.ts'

const dialects = createDialects({ management: false })
const generations = dialects.flatMap((dialect) => Object.keys(dialect.generations))
const questions = dialects.flatMap((dialect) => Object.keys(dialect.questions))
/** `GET /v1/models/:id{.+}` → `/v1/models/:id`. */
const toPath = (route: string) => route.replace(/^[A-Z]+ /, '').replace(/\{.*\}$/, '')

/** Whether a page names a path, as code. Ollama's own routes are told once, for `/api` and `/ollama/api`. */
function isNamed(page: string, path: string): boolean {
  const told = path.replace(/^\/ollama(?=\/api\/)/, '')
  return page.split(/[`\s]/).includes(told)
}

describe('the surfaces of the hostile tests (tests/surfaces.ts)', () => {
  const paths: readonly string[] = surfaces.map(({ path }) => path)
  const asked = questions.filter((route) => route.startsWith('POST ')).map(toPath)

  test.each([...generations, ...asked])('have %s', (path) => {
    expect(paths, `add a row for ${path} to tests/surfaces.ts`).toContain(path)
  })

  test.each(surfaces)('say of $path whether it generates', ({ path, endpoint }) => {
    expect(generations.includes(path), `correct the endpoint of ${path} in tests/surfaces.ts`).toBe(endpoint !== undefined)
  })

  test('have nothing that no dialect has', () => {
    const strangers = paths.filter((path) => ![...generations, ...asked].includes(path))
    expect(strangers, `take ${strangers.join(', ')} out of tests/surfaces.ts`).toEqual([])
  })
})

describe.each(['docs/compatibility.md', 'docs/protocol.md', 'README.md', 'README.zh-CN.md'])('%s', (file) => {
  const page = readPage(file)

  test.each(generations)('names %s', (path) => {
    expect(isNamed(page, path), `say in ${file} what is spoken at ${path}`).toBe(true)
  })
})

test.each(questions)('docs/compatibility.md names %s', (route) => {
  const isThere = isNamed(readPage('docs/compatibility.md'), toPath(route))
  expect(isThere, `say in docs/compatibility.md what ${route} supports, refuses and ignores`).toBe(true)
})
