import { transform } from 'esbuild'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { runCommand, sluice } from './run-command.ts'

const [node = '', cli = ''] = sluice
const code = readFileSync(cli, 'utf8')
const [, needed = ''] = /needed = "([\d.]+)"/.exec(code) ?? []

/** Runs the command on a Node that says that it is another version. */
function runOn(version: string) {
  const pretend = `Object.defineProperty(process.versions,"node",{value:"${version}"})`
  return runCommand([node, '--import', `data:text/javascript,${encodeURIComponent(pretend)}`, cli, '--version'])
}

test.each(['12.22.12', '18.20.8', '20.20.2', '22.14.0'])('Node %s is told that it is too old', async (version) => {
  expect(await runOn(version)).toEqual({
    status: 1,
    stdout: '',
    stderr: `sluice: this is Node ${version}, and Sluice needs Node ${needed} or a later version\n`,
  })
})

test.each(['22.15.0', '22.23.3', '24.0.0', '26.1.0'])('Node %s is new enough', async (version) => {
  expect(await runOn(version)).toMatchObject({ status: 0, stderr: '' })
})

test.each(['dist/cli.js', packageJson.bin.sluice])(
  '%s, the first file, has no syntax and no import that Node 12 lacks',
  async (file) => {
    const code = readFileSync(file, 'utf8')
    // esbuild fails if it cannot say something in the language of that version, such as a top-level await.
    const { code: lowered } = await transform(code, { target: 'node12.20', format: 'esm' })
    const { code: same } = await transform(code, { target: 'esnext', format: 'esm' })
    expect(lowered).toBe(same)
    expect(code).not.toMatch(/^import /m)
    expect(code.startsWith('#!/usr/bin/env node\n')).toBe(true)
  },
)

test('the package asks npm for the same version', () => {
  expect(packageJson.engines.node).toBe(`>=${needed}`)
})
