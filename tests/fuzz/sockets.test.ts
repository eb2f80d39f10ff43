import { describe, expect, test } from 'vitest'
import { createRandom } from '../random.ts'
import { read } from '../runtimes/reader.ts'
import { useStage } from '../runtimes/server.ts'
import { surfaces, toEnding } from '../surfaces.ts'
import { toSpoiltRequest } from './requests.ts'
import { count, seed } from './options.ts'

const atOnce = 20
/**
 * Each runtime runs only a part of the cases, because most cases behave the same on every runtime.
 */
const share = Math.ceil(count / 30)

describe.each(['node', 'bun', 'worker'] as const)('%s', (runtime) => {
  const stage = useStage(runtime)

  test(
    `${share} spoilt requests over sockets, seed ${seed}: each is answered whole, and none with a 5xx`,
    { timeout: 600_000 },
    async () => {
      let next = 0
      async function askOneByOne() {
        while (next < share) {
          const caseSeed = seed + next++
          const { surface, body, accept } = toSpoiltRequest(createRandom(caseSeed), surfaces)
          const reader = read(stage.server, { path: surface.path, body, headers: { accept } })
          try {
            const { status, headers } = await reader.head
            expect(await reader.ended).toBe('clean')
            expect(status).toBeLessThan(500)
            toEnding(surface, { status, contentType: headers['content-type'], text: reader.text })
          } catch (cause) {
            const what = `FUZZ_SEED=${caseSeed} FUZZ_COUNT=1: ${surface.path} ${Buffer.from(body).toString().slice(0, 2000)}`
            throw new Error(`${String(cause)}\n${what}`, { cause })
          }
        }
      }
      await Promise.all(Array.from({ length: atOnce }, askOneByOne))
      expect(stage.server.errors()).toBe('')
    },
  )
})
