import { expect, onTestFinished, test } from 'vitest'
import { runCommand, sluice } from '../command/run-command.ts'
import { startRedis } from './redis-server.ts'

const secret = 'canary7f3a'

/** Returns the line of `sluice check` about the store, and its exit status. */
async function check(url: string) {
  const env = { SLUICE_DEMO: '1', PORT: '0', SLUICE_REDIS_URL: url }
  const { status, stdout } = await runCommand([...sluice, 'check'], { env })
  expect(stdout).not.toContain(secret)
  return { status, line: /^(?:ok|WRONG) +store +.*$/m.exec(stdout)?.[0].replaceAll(/ +/g, ' ') }
}

test('sluice check looks whether Redis accepts Sluice, and says its address without the password', async () => {
  const { port, stop } = await startRedis({ password: secret })
  onTestFinished(stop)
  expect(await check(`redis://:${secret}@127.0.0.1:${port}`)).toEqual({
    status: 0,
    line: `ok store Redis at 127.0.0.1, port ${port}`,
  })
  expect(await check(`redis://127.0.0.1:${port}`)).toEqual({
    status: 1,
    line: 'WRONG store SLUICE_REDIS_URL: Redis cannot be used: NOAUTH Authentication required; put the password into the URL',
  })
})

test('sluice check gives up a Redis that hangs', async () => {
  const redis = await startRedis()
  onTestFinished(redis.stop)
  redis.pause()
  onTestFinished(redis.resume)
  expect(await check(redis.url)).toMatchObject({
    status: 1,
    line: expect.stringContaining('Redis is down (it does not answer)'),
  })
})
