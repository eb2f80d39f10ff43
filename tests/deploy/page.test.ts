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

test('every block is run here, by wrangler’s or by the proxies’ tests, but for what needs Docker, root or an account', () => {
  const known = ['nginx', 'haproxy', 'caddy', 'sh', 'sh not run in CI', 'ini', 'toml']
  for (const { language } of blocks) expect(known).toContain(language)
  for (const code of toCode('sh not run in CI')) expect(code).toMatch(/^docker |^systemctl |^npm run deploy$/m)
  for (const code of toCode('ini')) expect(code).toMatch(/^net\.ipv4\.\w+ = \d+\n$/)
})

test('the command for a key gives a secret and the entry that knows it', async () => {
  const [command = ''] = toCode('sh')
  expect(toCode('sh')).toEqual(['npm run key -- alice\n'])
  const { stdout } = await run('sh', ['-c', command], { cwd: root })
  const [secret = '', entry = ''] = [...stdout.matchAll(/^ {2}(\S+)$/gm)].map(([, word]) => word)
  const [key] = parseConfig({ SLUICE_API_KEYS: entry }).access.keys
  expect(key).toEqual({ name: 'alice', sha256: createHash('sha256').update(secret).digest('hex'), models: undefined })
})

test('the environment of the unit is one that Sluice takes', () => {
  const [, lines = ''] = /<<'END'\n([\s\S]*?)END\n/.exec(page) ?? []
  const variables = [...lines.replace('…', 'a'.repeat(64)).matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => [name, value])
  const { access } = parseConfig(Object.fromEntries(variables) as Record<string, string>)
  expect(access.keys).toHaveLength(1)
  expect(access.hosts).toEqual(['chat.example'])
})

test.each(['docs/deploy.md', 'compose.yaml', 'deploy/sluice@.service'])('every variable that %s names exists', (file) => {
  const names = new Set(readFileSync(root + file, 'utf8').match(/\bSLUICE_[A-Z_]*[A-Z]\b/g))
  expect(names.size).toBeGreaterThan(0)
  for (const name of names) expect(toProblem(name), name).not.toContain('no such variable')
})

test('the section that the start names for what is gone is there', () => {
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
