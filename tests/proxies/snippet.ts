import { readFileSync } from 'node:fs'

const page = readFileSync(new URL('../../docs/deploy.md', import.meta.url), 'utf8')

/**
 * The page's block of a language, with other texts in place of some of its own.
 * @throws Error if there is not one such block, or not one such text in it
 */
export function toSnippet(language: string, replaced: readonly (readonly [text: string, by: string])[]): string {
  const blocks = [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].filter(([, name]) => name === language)
  if (blocks.length !== 1) throw new Error(`Cannot choose a snippet: there are ${blocks.length} of ${language}`)
  return replaced.reduce((snippet, [text, by]) => {
    const parts = snippet.split(text)
    if (parts.length !== 2)
      throw new Error(`Cannot replace '${text}' in the snippet of ${language}: it is there ${parts.length - 1} times`)
    return parts.join(by)
  }, blocks[0]![2]!)
}
