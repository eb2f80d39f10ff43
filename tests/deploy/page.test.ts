import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { ConfigError, parseConfig } from '../../src/config/parse-config.ts'
import { root } from './image.ts'

const run = promisify(execFile)
const page = readFileSync(`${root}docs/deploy.md`, 'utf8')
const blocks = [...page.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].map(([, language = '', code = '']) => ({ language, code }))
const toCode = (name: string) => blocks.filter(({ language }) => language === name).map(({ code }) => code)

test('every code block is run by a test, unless it needs Docker, a cluster, root, an account or other addresses', () => {
  const known = ['nginx', 'haproxy', 'caddy', 'sh', 'sh not run in CI', 'ini', 'toml']
  for (const { language } of blocks) expect(known).toContain(language)
  const elsewhere = toCode('sh not run in CI').filter((code) => !code.startsWith('deno '))
  for (const code of elsewhere) expect(code).toMatch(/^docker |^kubectl |^systemctl |^npm run deploy$/m)
  for (const code of toCode('ini')) expect(code).toMatch(/^net\.ipv4\.\w+ = \d+\n$/)
})

test('the command for Deno is npm run start:deno, with other addresses', () => {
  const { scripts } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { scripts: Record<string, string> }
  const toPlain = (command = '') => command.replace(/--allow-net=[^\s"]+/, '--allow-net').replaceAll(/["'\\\s]+/g, ' ')
  const [command] = toCode('sh not run in CI').filter((code) => code.startsWith('deno '))
  expect(toPlain(command).trim()).toBe(toPlain(scripts['start:deno']))
})

test('every code block of docs/scale.md is run by a test, and its nginx is that of docs/deploy.md with two servers', () => {
  const scale = readFileSync(`${root}docs/scale.md`, 'utf8')
  const blocks = [...scale.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)]
  expect(blocks.map(([, language]) => language)).toEqual(['nginx', 'conf', 'redis'])
  const [one = ''] = toCode('nginx')
  expect(blocks[0]![2]).toBe(one.replace('  server 127.0.0.1:8083;\n', '$&  server 127.0.0.1:8084;\n'))
})

test('the command for a key prints a secret and the matching entry', async () => {
  const [command = ''] = toCode('sh')
  expect(toCode('sh')).toEqual(['npm run key -- alice\n'])
  const { stdout } = await run('sh', ['-c', command], { cwd: root })
  const [secret = '', entry = ''] = [...stdout.matchAll(/^ {2}(\S+)$/gm)].map(([, word]) => word)
  const [key] = parseConfig({ SLUICE_API_KEYS: entry }).access.keys
  expect(key).toEqual({ name: 'alice', sha256: createHash('sha256').update(secret).digest('hex'), models: undefined })
})

test('Sluice accepts the environment of the systemd unit', () => {
  const lines = [...page.matchAll(/<<'END'\n([\s\S]*?)END\n/g)].map(([, text = '']) => text).join('')
  const variables = [...lines.replace('…', 'a'.repeat(64)).matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => [name, value])
  const { access } = parseConfig(Object.fromEntries(variables) as Record<string, string>)
  expect(access.keys).toHaveLength(1)
  expect(access.hosts).toEqual(['chat.example'])
})

test.each([
  'docs/deploy.md',
  'docs/scale.md',
  'docs/status.md',
  'compose.yaml',
  'deploy/observe/alerts.yml',
  'deploy/observe/prometheus.yml',
  'deploy/sluice@.service',
  'deploy/kubernetes/deployment.yaml',
])('every variable that %s names exists', (file) => {
  const names = new Set(readFileSync(root + file, 'utf8').match(/\bSLUICE_[A-Z_]*[A-Z]\b/g))
  expect(names.size).toBeGreaterThan(0)
  for (const name of names) expect(toProblem(name), name).not.toContain('no such variable')
})

test('the page has the section about removed variables that the start-up error names', () => {
  const [, number] = /docs\/deploy\.md §(\d+)/.exec(toProblem('SLUICE_WORKERS')) ?? []
  expect(page).toContain(`\n## ${number}. Several processes\n`)
})

function toProblem(name: string): string {
  try {
    parseConfig({ [name]: '?' })
    return ''
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
}
