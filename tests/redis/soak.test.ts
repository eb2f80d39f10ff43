import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const soak = fileURLToPath(new URL('../soak/soak.ts', import.meta.url))

test(
  'after twelve seconds of all kinds of requests and restarts of Redis, no stream lacks its terminal, and no key is left',
  { timeout: 120_000 },
  async () => {
    const args = [soak, '--redis', '--minutes', '0.2', '--seed', '1']
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args)
    expect(stdout).toContain('nothing is lost')
    expect(stderr).toBe('')
  },
)
