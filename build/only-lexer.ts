import type { Plugin } from 'esbuild'
import { Lexer, Tokenizer } from 'marked'
import { readFile } from 'node:fs/promises'

/**
 * Of marked only its lexer goes to browsers, and of that what `packages/page/markdown` asks of it: half. marked is published as one module that makes
 * a parser and the rules of three dialects as it loads, which no bundler can leave out; its source map has the modules that it was made of.
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

/** The TypeScript of marked's modules. */
async function readSources(): Promise<ReadonlyMap<string, string>> {
  const text = await readFile(new URL('../node_modules/marked/lib/marked.esm.js.map', import.meta.url), 'utf8')
  const { sources, sourcesContent } = JSON.parse(text) as { sources: string[]; sourcesContent: string[] }
  return new Map(sources.map((path, index) => [path.replace('../src/', './'), sourcesContent[index]!]))
}

/** What the page's lexer is made with: what there is for other options is left out. */
const options = { gfm: true, pedantic: false, silent: false, extensions: null }

/** @throws if marked's source is not what this was written for: another version may be built otherwise. */
function toLexer(sources: ReadonlyMap<string, string>): Readonly<Record<string, string>> {
  const source = (path: string) => sources.get(path) ?? fail(path)
  const { rules } = new Lexer({ ...options, tokenizer: new Tokenizer() }).options.tokenizer!
  const kinds = Object.entries(rules).map(([kind, rules]) => [`./${kind}.ts`, toModule(rules, source('./rules.ts'))] as const)
  return {
    './index.ts': `export { _Lexer as Lexer } from './Lexer.ts'; export { _Tokenizer as Tokenizer } from './Tokenizer.ts'`,
    './Lexer.ts': withImports(
      cut(source('./Lexer.ts'), [
        // The page calls blockTokens() and inlineTokens().
        /static get rules\(\)[^]*?(?=\n {2}blockTokens\()/,
        /const rules = \{[^]*?this\.tokenizer\.rules = rules;/,
      ]),
    ),
    './Tokenizer.ts': withImports(
      cut(source('./Tokenizer.ts'), [
        // To the page HTML is text: packages/page/markdown/lexer.ts overrides these.
        /\n {2}html\([^]*?\n {2}\}\n/,
        /\n {2}tag\([^]*?\n {2}\}\n/,
        // It decodes a text's entities itself.
        /escaped \? (?=cap\[0\] : )/,
        /(?<=cap\[0\]) : decodeNumericCharacterReferences\(cap\[0\]\)/,
      ]),
    ),
    './helpers.ts': withImports(source('./helpers.ts')),
    './defaults.ts': source('./defaults.ts'),
    ...Object.fromEntries(kinds),
  }
}

/** Each option is its value, and each rule a name of a module, so that what nothing names is left out. */
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

/** The rules of one kind as marked has made them. Those that are made as they are needed stay text. */
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
