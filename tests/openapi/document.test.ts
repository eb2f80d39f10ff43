import { Validator } from '@seriousme/openapi-schema-validator'
import type { Hono } from 'hono'
import { createHash } from 'node:crypto'
import { gunzipSync } from 'node:zlib'
import { expect, test, vi } from 'vitest'
import { createDocument } from '../../build/openapi/document.ts'
import packageJson from '../../package.json' with { type: 'json' }
import { createApp } from '../../src/app.ts'
import { parseConfig } from '../../src/config/parse-config.ts'
import { openapi } from '../../src/generated/openapi.ts'
import { openWithStreamSSE } from '../../src/relay/sink.ts'
import type * as CreateRoutes from '../../src/routes/create-routes.ts'
import { toNamed } from './declared.ts'

/** All routers that the app creates. The router of the app itself has the most routes. */
const created = vi.hoisted((): Pick<Hono, 'routes'>[] => [])
vi.mock('../../src/routes/create-routes.ts', async (importOriginal) => {
  const { createRoutes } = await importOriginal<typeof CreateRoutes>()
  return {
    createRoutes(...options: Parameters<typeof createRoutes>) {
      const routes = createRoutes(...options)
      created.push(routes)
      return routes
    },
  }
})

const served = gunzipSync(Buffer.from(openapi.gzip, 'base64')).toString()
const document = createDocument({ version: packageJson.version })

/** Every reference of a value. */
function toRefs(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, part]) => (name === '$ref' ? [String(part)] : toRefs(part)))
}

test('the document is valid OpenAPI 3.1', async () => {
  expect(await new Validator().validate(served)).toEqual({ valid: true })
  expect(document.openapi).toBe('3.1.0')
})

test('each build makes the same bytes', () => {
  expect(served).toBe(`${JSON.stringify(document)}\n`)
})

test('every reference leads to a component, and every component is used', () => {
  const refs = new Set(toRefs(document))
  const { schemas, headers, responses, parameters } = document.components
  const components = Object.entries({ schemas, headers, responses, parameters }).flatMap(([kind, named]) =>
    Object.keys(named).map((name) => `#/components/${kind}/${name}`),
  )
  expect([...refs].filter((ref) => !components.includes(ref))).toEqual([])
  expect(components.filter((component) => !refs.has(component))).toEqual([])
})

test('every schema can be compiled', () => {
  for (const name of Object.keys(document.components.schemas)) expect(() => toNamed(name)).not.toThrow()
})

test('the server is the folder of the document, so that it is right below a base path too', () => {
  const [{ url } = {}] = document.servers
  expect(new URL(url!, 'https://sluice.test/ai/openapi.json').href).toBe('https://sluice.test/ai/')
})

test('operations have names of their own', () => {
  const ids = Object.values(document.paths).flatMap((item) => Object.values(item).map(({ operationId }) => operationId))
  expect(new Set(ids).size).toBe(ids.length)
})

test('the document has every route of the app, and no other', async () => {
  const sha256 = createHash('sha256').update('key').digest('hex')
  const config = parseConfig({
    SLUICE_MANAGEMENT: '1',
    SLUICE_DEMO: '1',
    SLUICE_API_KEYS: JSON.stringify({ keys: [{ name: 'me', sha256, admin: true }] }),
    SLUICE_TOKEN_SECRET: 'x'.repeat(32),
  })
  const app = createApp({ config, open: openWithStreamSSE })
  const { routes } = created.toSorted((a, b) => b.routes.length - a.routes.length)[0]!
  const hashed = /^\/assets\/.*/
  const found = routes
    .filter(({ path }) => path !== '/*')
    .map(async ({ method, path }) => {
      const template = path.replace(hashed, '/assets/{file}').replaceAll(/:(\w+)(\{[^/]*\})?/g, '{$1}')
      if (method !== 'ALL') return (method === 'GET' ? ['GET', 'HEAD'] : [method]).map((each) => `${each} ${template}`)
      // The route itself says which methods it has.
      const url = `http://localhost${path.replace(/:digest\{.*\}/, `sha256:${'0'.repeat(64)}`)}`
      const response = await app.fetch(
        new Request(url, { method: 'PATCH', headers: { host: 'localhost', 'x-api-key': 'key' } }),
      )
      return (response.headers.get('allow') ?? '').split(', ').map((each) => `${each} ${template}`)
    })
  const declared = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
  )
  expect(new Set(declared)).toEqual(new Set((await Promise.all(found)).flat()))
})
