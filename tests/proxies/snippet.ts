import { readFileSync } from 'node:fs'

/**
 * Returns the block of a language from a page, with some texts replaced.
 * @throws Error if the page does not have exactly one such block, or if a text does not occur in it
 * exactly once
 */
export function toSnippet(
  language: string,
  replaced: readonly (readonly [text: string, by: string])[],
  file = 'docs/deploy.md',
): string {
  const page = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')
  const blocks = [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].filter(([, name]) => name === language)
  if (blocks.length !== 1) throw new Error(`Cannot choose a snippet: there are ${blocks.length} of ${language}`)
  return replaced.reduce((snippet, [text, by]) => {
    const parts = snippet.split(text)
    if (parts.length !== 2)
      throw new Error(`Cannot replace '${text}' in the snippet of ${language}: it is there ${parts.length - 1} times`)
    return parts.join(by)
  }, blocks[0]![2]!)
}
