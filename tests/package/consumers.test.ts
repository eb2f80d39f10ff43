import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { createConsumer, managers, runtimes, type Consumer } from './consumer.ts'

/** What `portable.ts` prints: twice a ping and the events of a stream, and a mistake. */
const portable = `${'200 {"message":"OK"}\nstart,delta,done\n'.repeat(2)}SLUICE_LOG: must be pretty, json or silent\n`
/** What `node.ts`, `bun.ts` and `deno.ts` print: that the stream was whole, a status, and that classes are one. */
const served = 'true\n200\ntrue\n'

const deno = fileURLToPath(new URL('../../node_modules/.bin/deno', import.meta.url))
const typesOfNode = fileURLToPath(new URL('../../node_modules/@types', import.meta.url))
const resolutions = [
  { module: 'esnext', moduleResolution: 'bundler' },
  { module: 'nodenext', moduleResolution: 'nodenext' },
] as const

describe.each(managers)('installed by %s', (manager) => {
  let consumer: Consumer
  beforeAll(async () => {
    consumer = await createConsumer(manager, { sluice: `file:${inject('tarball')}` })
  })
  afterAll(() => consumer?.remove())

  test.each(resolutions)(
    'the types compile with moduleResolution $moduleResolution, without types of Node',
    async (options) => {
      expect(await consumer.compile(['portable.ts'], options)).toBe('')
    },
  )

  test.each(resolutions)(
    'the types for Node, Bun and Deno compile with moduleResolution $moduleResolution',
    async (options) => {
      const types = { types: ['node'], typeRoots: [typesOfNode] }
      expect(await consumer.compile(['node.ts', 'bun.ts', 'deno.ts'], { ...options, ...types })).toBe('')
    },
  )

  test.concurrent.each(Object.entries(runtimes))(
    'createSluice and createApp answer and stream on %s',
    async (_name, runtime) => {
      expect(await consumer.run(runtime, 'portable.ts')).toBe(portable)
    },
  )

  test.concurrent.each(['Node 24', 'Node 22'] as const)('serve listens on %s', async (name) => {
    expect(await consumer.run(runtimes[name], 'node.ts')).toBe(served)
  })

  test.concurrent('serve listens on Deno', async () => {
    expect(await consumer.run(deno, 'run', '--allow-all', 'deno.ts')).toBe(served)
  })

  test.concurrent('serve listens on Bun', async () => {
    expect(await consumer.run(runtimes.Bun, 'bun.ts')).toBe(served)
  })
})
