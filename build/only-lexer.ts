import type { Plugin } from 'esbuild'
import { Lexer, Tokenizer } from 'marked'
import { readFile } from 'node:fs/promises'

/**
 * Browsers get only the half of marked's lexer that `packages/page/markdown` calls. marked is
 * published as one module. On load, it makes a parser and the rules of three dialects, and no
 * bundler can leave these out. The original modules are in marked's source map.
 */
export const onlyLexer: Plugin = {
  name: 'only-lexer',
  async setup({ onResolve, onLoad }) {
    const modules = toLexer(await readSources())
    const namespace = 'marked'
    onResolve({ filter: /^marked$/ }, () => ({ path: './index.ts', namespace }))
    onResolve({ filter: /^\.\//, namespace }, ({ path }) => ({ path, namespace }))
    onLoad({ filter: /^/, namespace }, ({ path }) => ({ contents: modules[path]!, loader: 'ts' }))
  },
}

/** Reads the TypeScript of marked's modules out of its source map. */
async function readSources(): Promise<ReadonlyMap<string, string>> {
  const text = await readFile(new URL('../node_modules/marked/lib/marked.esm.js.map', import.meta.url), 'utf8')
  const { sources, sourcesContent } = JSON.parse(text) as { sources: string[]; sourcesContent: string[] }
  return new Map(sources.map((path, index) => [path.replace('../src/', './'), sourcesContent[index]!]))
}

/** The options of the page's lexer. The code for other options is left out. */
const options = { gfm: true, pedantic: false, silent: false, extensions: null }

/**
 * Makes the modules of the lexer out of marked's source.
 * @throws Error if marked's source has changed, because another version may be built otherwise
 */
function toLexer(sources: ReadonlyMap<string, string>): Readonly<Record<string, string>> {
  const source = (path: string) => sources.get(path) ?? fail(path)
  const { rules } = new Lexer({ ...options, tokenizer: new Tokenizer() }).options.tokenizer!
  const kinds = Object.entries(rules).map(([kind, rules]) => [`./${kind}.ts`, toModule(rules, source('./rules.ts'))] as const)
  return {
    './index.ts': `export { _Lexer as Lexer } from './Lexer.ts'; export { _Tokenizer as Tokenizer } from './Tokenizer.ts'`,
    './Lexer.ts': withImports(
      cut(source('./Lexer.ts'), [
        // The page calls only blockTokens() and inlineTokens().
        /static get rules\(\)[^]*?(?=\n {2}blockTokens\()/,
        /const rules = \{[^]*?this\.tokenizer\.rules = rules;/,
      ]),
    ),
    './Tokenizer.ts': withImports(
      cut(source('./Tokenizer.ts'), [
        // The page shows HTML as text, so packages/page/markdown/lexer.ts overrides these two.
        /\n {2}html\([^]*?\n {2}\}\n/,
        /\n {2}tag\([^]*?\n {2}\}\n/,
        // packages/page/markdown/lexer.ts decodes the entities of a text itself.
        /escaped \? (?=cap\[0\] : )/,
        /(?<=cap\[0\]) : decodeNumericCharacterReferences\(cap\[0\]\)/,
      ]),
    ),
    './helpers.ts': withImports(source('./helpers.ts')),
    './defaults.ts': source('./defaults.ts'),
    ...Object.fromEntries(kinds),
  }
}

/**
 * Replaces each option by its value and each rule by an import, so that a bundler can leave out
 * the unused ones.
 */
function withImports(text: string): string {
  const edited = Object.entries(options)
    .reduce((text, [name, value]) => text.replaceAll(`this.options.${name}`, `${value}`), text)
    .replace(/^import .* from '\.\/rules\.ts';$/m, '')
    .replaceAll(/\b(?:this\.(?:tokenizer\.)?)?rules\.(?=(?:block|inline|other)\b)/g, '')
    .replaceAll(/\{ ([\w, ]+) \} = (block|inline|other);/g, (_, names: string, kind: string) =>
      names.replaceAll(/\w+/g, (name) => `${name} = ${kind}.${name}`),
    )
  return `${['block', 'inline', 'other'].map((kind) => `import * as ${kind} from './${kind}.ts'`).join('\n')}\n${edited}`
}

/**
 * Writes the rules of one kind as marked has made them. marked makes some rules only when it needs
 * them, so those stay source text.
 */
function toModule(rules: object, source: string): string {
  const makers = [/function cachedIndentRegex[^]*?\n\}/, /const _tag = [^;]*;/].map((pattern) => find(source, pattern)[0])
  const constants = Object.entries(rules).map(([name, rule]: [string, unknown]) => {
    const text =
      rule instanceof RegExp ? String(rule) : `/*@__PURE__*/${find(source, new RegExp(`^ {2}${name}: (.*),$`, 'm'))[1]}`
    return `export const ${name} = ${text};`
  })
  return [...makers, ...constants].join('\n')
}

function cut(text: string, patterns: readonly RegExp[]): string {
  return patterns.reduce((text, pattern) => text.replace(find(text, pattern)[0], ''), text)
}

function find(text: string, pattern: RegExp): RegExpMatchArray {
  return text.match(pattern) ?? fail(pattern)
}

function fail(what: string | RegExp): never {
  throw new Error(`Cannot take the lexer out of marked: there is no ${what}`)
}
