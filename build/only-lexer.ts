import type { Plugin } from 'esbuild'
import { Lexer, Tokenizer } from 'marked'
import { readFile } from 'node:fs/promises'

/**
 * Of marked only its lexer goes to browsers, and of that what `src/pages/markdown` asks of it: half. The module makes a parser and renderers
 * as it loads, and the rules of three dialects, so that no bundler can leave them out.
 */
export const onlyLexer: Plugin = {
  name: 'only-lexer',
  setup({ onLoad }) {
    onLoad({ filter: /\/marked\/lib\/marked\.esm\.js$/ }, async ({ path }) => ({
      contents: toLexer(await readFile(path, 'utf8')),
      loader: 'js',
    }))
  },
}

/** What the page's lexer is made with: what there is for other options is left out. */
const options = { gfm: true, pedantic: false, silent: false, extensions: null }

/** @throws if marked's minified text is not what this was written for: another version may be built otherwise. */
function toLexer(text: string): string {
  const [, classes = '', instance = ''] = find(text, /^([\s\S]*;)(var \w+=new \w+;function [\s\S]*)$/)
  const toName = (as: string) => find(instance, new RegExp(`export\\{.*\\b(\\w+) as ${as}\\b`))[1]
  // What makes rules does nothing else.
  const makers = [
    /function (\w+)\(\w+,\w+=""\)/,
    /function (\w+)\(\w+\)\{let \w+=\[\]/,
    /(\w+)=\w+=>\w+\(\w+\)\.replace\(/,
  ].map((pattern) => find(text, pattern)[1])
  const edits: (readonly [pattern: RegExp, by: string])[] = [
    // The page calls blockTokens() and inlineTokens().
    [/static get rules\(\)\{.*?\}\}static lex\(.*?\}(?=blockTokens\()/s, ''],
    [/let (\w+)=\{other:\w+,block:\w+\.normal,inline:\w+\.normal\};[^;{}]*,this\.tokenizer\.rules=\1/, ''],
    // To it HTML is text: src/pages/markdown/lexer.ts overrides them.
    [/\b(html|tag)(\(\w+\)\{)/g, '$1$2return;'],
    // It decodes entities itself.
    [/(type:"text",raw:(\w+)\[0\],text:)\w+\?\w+\[0\]:\w+\(\w+\[0\]\)/, '$1$2[0]'],
    // Each rule is a variable, made here, so that those that nothing names are left out.
    [/\{(\w+):(\w+),(\w+):(\w+),(\w+):(\w+)\}=[\w.]+\.rules\.inline\b/, ' $2=inline_$1,$4=inline_$3,$6=inline_$5'],
    [/(?:\b\w+\.)+(block|inline|other)\.(?=\w)/g, '$1_'],
    [new RegExp(`\\b${find(text, /\{other:(\w+),/)[1]}\\.(?=\\w)`, 'g'), 'other_'],
    [new RegExp(`(?<=[=:])(?=(?:${makers.join('|')})\\(|\\(\\(\\w+=""\\)=>)`, 'g'), '/*@__PURE__*/'],
    ...Object.entries(options).map(([name, value]) => [new RegExp(`this\\.options\\.${name}\\b`, 'g'), `${value}`] as const),
  ]
  const lexer = edits.reduce((text, [pattern, by]) => {
    find(text, pattern)
    return text.replace(pattern, by)
  }, classes)
  return `const ${toRules(text)};${lexer}export{${toName('Lexer')} as Lexer,${toName('Tokenizer')} as Tokenizer}`
}

/** The rules of GitHub's dialect as marked has made them, each a declaration. Those that are made as they are needed stay text. */
function toRules(text: string): string {
  const { tokenizer } = new Lexer({ ...options, tokenizer: new Tokenizer() }).options
  const toText = (name: string, rule: unknown) =>
    rule instanceof RegExp
      ? String(rule)
      : find(text, new RegExp(`\\b${name}:((?:\\w+\\()?\\w+=>new RegExp\\(\`.*?\`(?:,"i")?\\)+)`))[1]
  return Object.entries(tokenizer!.rules)
    .flatMap(([kind, rules]) => Object.entries(rules).map(([name, rule]) => `${kind}_${name}=${toText(name, rule)}`))
    .join()
}

function find(text: string, pattern: RegExp): RegExpMatchArray {
  const found = text.match(pattern)
  if (!found) throw new Error(`Cannot take the lexer out of marked: there is no ${pattern}`)
  return found
}
