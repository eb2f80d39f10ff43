import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import packageJson from '../package.json' with { type: 'json' }
import { readTexts } from './citations.ts'

const root = fileURLToPath(new URL('../', import.meta.url))
const texts = readTexts()
// The first sample is of the Markdown renderer. The second page tells of the past.
const pages = texts.filter(
  ({ file }) => file.endsWith('.md') && file !== 'tests/page/markdown/sample.md' && file !== 'CHANGELOG.md',
)
const tests = texts.filter(({ file }) => file.startsWith('tests/') && file.endsWith('.ts') && file !== 'tests/commands.test.ts')

const blocks = pages.flatMap(({ file, text }) =>
  [...text.matchAll(/^ *(?:```|~~~)(.*)\n([\s\S]*?)^ *(?:```|~~~) *$/gm)].map(({ 1: fence = '', 2: code = '', index }) => ({
    file,
    fence,
    code,
    before: text.slice(0, index),
  })),
)

/**
 * Whether a test reads this page and takes the blocks of this language. A block for one program has
 * its name or its file behind the language (`sh codex`, `toml ~/…`): tests/agents takes all of them.
 */
function isRun(page: string, fence: string): boolean {
  const [language = '', program] = fence.split(' ')
  // The language as a text, in a pattern, or every language.
  const takes = new RegExp(`['\`|(]${language}\\b|\`\\\\\\\\w\\+|loadSnippets\\('${page}'\\)\\.map\\(`)
  return tests.some(
    ({ file, text }) =>
      (text.includes(page) || (page === 'docs/clients.md' && text.includes('loadSnippets()'))) &&
      (program === undefined ? takes.test(text) : file.startsWith('tests/agents/')),
  )
}

test('there are many blocks, on many pages', () => {
  expect(blocks.length).toBeGreaterThan(90)
  expect(new Set(blocks.map(({ file }) => file)).size).toBeGreaterThan(10)
})

test('each block of code is run by a test that reads its page, or is marked `not run in CI`', () => {
  // tests/readme.test.ts compares the two READMEs.
  const toPage = (file: string) => file.replace('README.zh-CN.md', 'README.md')
  // tests/embed/examples.test.ts installs and starts each example as its page says.
  const left = blocks
    .filter(({ file }) => !file.startsWith('examples/'))
    .filter(({ fence }) => fence !== '' && !fence.endsWith(' not run in CI'))
    .filter(({ file, fence }) => !isRun(toPage(file), fence))
  expect(left.map(({ file, fence, code }) => `${file}: ${fence}: ${code.split('\n', 1)[0]}`)).toEqual([])
})

test('the text before a block that is not run says why', () => {
  const silent = blocks.filter(
    ({ fence, before }) =>
      fence.endsWith(' not run in CI') && !/(?:not run in CI: |CI 中不执行：)[^\n]*\n(?:[^\n]+\n)*\n?$/.test(before),
  )
  expect(silent.map(({ file, code }) => `${file}: ${code.split('\n', 1)[0]}`)).toEqual([])
})

test('a block without a language has no command', () => {
  const command = /^ *(?:\$ )?(?:npm|npx|node|bun|deno|curl|docker|kubectl|git|pip|sh|systemctl) \S/m
  expect(blocks.filter(({ fence, code }) => fence === '' && command.test(code)).map(({ file, code }) => [file, code])).toEqual(
    [],
  )
})

test('each script of npm that a page names exists', () => {
  const named = pages.flatMap(({ file, text }) =>
    [...text.matchAll(/\bnpm run (?:-s )?([\w:]+)/g)].map(([, name = '']) => ({ file, name })),
  )
  expect(named.length).toBeGreaterThan(30)
  expect(named.filter(({ name }) => !(name in packageJson.scripts))).toEqual([])
})

test('each path of the repository that a page names exists', () => {
  const named = pages.flatMap(({ file, text }) =>
    [...text.matchAll(/`((?:tests|src|packages|deploy|docs|bench|build|examples|\.ci|\.github)\/[\w@./-]+)`/g)].map(
      ([, path = '']) => ({ file, path }),
    ),
  )
  expect(named.length).toBeGreaterThan(20)
  // Some are made: by `npm run build`, or by the measurements.
  const made = /^(?:src\/generated|bench\/results)/
  expect(named.filter(({ path }) => !made.test(path) && !existsSync(root + path))).toEqual([])
})
