import type { Plugin } from 'esbuild'
import { readFile } from 'node:fs/promises'

/**
 * Leaves out of a bundle what `marked` has beside its lexer, because the page has a renderer of its
 * own. At the end of its module `marked` creates an instance of itself. esbuild cannot know that
 * nobody uses this instance, so it would keep all of `marked`, 3 kB more, gzipped.
 * @throws Error while bundling, if the module has another form than expected
 */
export const lexerOfMarked: Plugin = {
  name: 'lexer-of-marked',
  setup(build) {
    build.onLoad({ filter: /[\\/]marked\.esm\.js$/ }, async ({ path }) => ({ contents: cut(await readFile(path, 'utf8')) }))
  },
}

function cut(text: string): string {
  const toName = (part: string) => new RegExp(`([\\w$]+) as ${part}[,}]`).exec(text)?.[1]
  const [lexer, tokenizer, marked] = [toName('Lexer'), toName('Tokenizer'), toName('Marked')]
  const end = new RegExp(`var [\\w$]+=new ${marked?.replaceAll('$', '\\$')};`).exec(text)?.index
  if (!lexer || !tokenizer || end === undefined) throw new Error('Cannot find the lexer of `marked`: its module has changed')
  return `${text.slice(0, end)}export{${lexer} as Lexer,${tokenizer} as Tokenizer}`
}
