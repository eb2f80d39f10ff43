import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const soak = fileURLToPath(new URL('soak.ts', import.meta.url))

test(
  'after five seconds of all kinds of requests at once, nothing stays open, and no stream lacks its terminal',
  { timeout: 60_000 },
  async () => {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [soak, '--minutes', '0.08', '--seed', '1'])
    expect(stdout).toContain('nothing is lost')
    expect(stderr).toBe('')
  },
)
