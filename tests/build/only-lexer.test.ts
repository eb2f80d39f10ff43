import * as fc from 'fast-check'
import type { Links, Token } from 'marked'
import { readFileSync } from 'node:fs'
import { beforeAll, expect, test } from 'vitest'
import { bundleScript } from '../../build/bundle.ts'
import * as whole from '#page/markdown/lexer.ts'

/** The lexer as browsers get it. */
let cut: typeof whole

beforeAll(async () => {
  const code = await bundleScript(
    { stdin: { contents: `export * from '#page/markdown/lexer.ts'`, resolveDir: process.cwd(), loader: 'ts' } },
    ['es2022'],
  )
  expect(code.length).toBeLessThan(33_000)
  cut = (await import(`data:text/javascript;base64,${Buffer.from(code).toString('base64')}`)) as typeof whole
})

function expectSame(text: string) {
  const [links, linksOfCut] = [Object.create(null), Object.create(null)] as [Links, Links]
  expect(cut.lexBlocks(text, linksOfCut)).toEqual(whole.lexBlocks(text, links))
  expect(linksOfCut).toEqual(links)
  expect(withoutText(cut.lexInline(text, linksOfCut))).toEqual(withoutText(whole.lexInline(text, links)))
}

/** Removes texts, because the page decodes their entities from the source itself. */
function withoutText(tokens: Token[]): object[] {
  return tokens.map((token) => ({
    ...token,
    ...(token.type === 'text' && { text: '' }),
    ...('tokens' in token && { tokens: withoutText(token.tokens ?? []) }),
  }))
}

test('the lexer that browsers get finds in a text what all of marked finds in it', () => {
  const sample = readFileSync(new URL('../page/markdown/sample.md', import.meta.url), 'utf8')
  for (let end = 0; end <= sample.length; end += 7) expectSame(sample.slice(0, end))
})

const pieces =
  '* ** _ ~~ ` ``` ~~~ # - + 1. > | |- \\ < <b> </b> <br> <!-- --> <div> [ ] ( ) ![ ]( [a]: http://a.b www.a.b a@b.c & &lt; &#65; a b 中 。 " \' = : ! $ . [x] {'
    .split(' ')
    .concat(
      '\n',
      '\n\n',
      ' ',
      '    ',
      '\t',
      '\n- ',
      '\n> ',
      '\n| a | b |\n|---|:-:|\n',
      '\n```js\n',
      '  \n',
      '\n===\n',
      '\n[a]: /b "c"\n',
    )

test('and so in any text', () => {
  const text = fc.array(fc.constantFrom(...pieces), { maxLength: 40 }).map((parts) => parts.join(''))
  fc.assert(
    fc.property(text, (text) => expectSame(text)),
    { numRuns: 1500 },
  )
})
