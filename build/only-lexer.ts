import type { Plugin } from 'esbuild'
import { readFile } from 'node:fs/promises'

/**
 * Of marked only its lexer goes to browsers: the module makes a parser and its renderers as it loads, a fifth of its bytes, so that no bundler
 * can leave them out. What is cut off is looked for in its minified text: another version that is built otherwise fails the build.
 */
export const onlyLexer: Plugin = {
  name: 'only-lexer',
  setup({ onLoad }) {
    onLoad({ filter: /\/marked\/lib\/marked\.esm\.js$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8')
      const [, classes, instance] = /^([\s\S]*;)(var \w+=new \w+;function [\s\S]*)$/.exec(text) ?? []
      const toName = (as: string) => new RegExp(`export\\{.*\\b(\\w+) as ${as}\\b`).exec(instance ?? '')?.[1]
      const [lexer, tokenizer] = [toName('Lexer'), toName('Tokenizer')]
      if (!classes || !lexer || !tokenizer) throw new Error(`Cannot take the lexer out of ${path}`)
      return { contents: `${classes}export{${lexer} as Lexer,${tokenizer} as Tokenizer}`, loader: 'js' }
    })
  },
}
