import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
const page = readFileSync(`${root}packages/fake-ollama/README.md`, 'utf8')
const blocks = [...page.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code = '']) => ({
  code,
  /** The expected outputs, from the comment after each `console.log`. */
  expected: [...code.matchAll(/ \/\/ → (.*)$/gm)].map(([, text]) => text),
}))

/** Runs a block as a module of this package, and returns its output. */
async function run(code: string): Promise<string[]> {
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-'], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.stdin.end(code)
  const pieces = (await child.stdout.toArray()) as Buffer[]
  return Buffer.concat(pieces).toString().split('\n').slice(0, -1)
}

test('the page has a block for the upstream, for its faults and for the emulator', () => {
  expect(blocks).toHaveLength(3)
  for (const { code, expected } of blocks) expect(expected).toHaveLength(code.split('console.log(').length - 1)
})

test.each(blocks)('a block prints what its comments say', async ({ code, expected }) => {
  expect(await run(code)).toEqual(expected)
})

test('every command of a prompt is on the page', () => {
  for (const command of ['/fail', '/truncate', '/stall', '/slow-start']) expect(page).toContain(`| \`${command} `)
})
