import type { Token, Tokens } from 'marked'
import { lexBlocks } from './lexer.ts'

/**
 * A line that may still become anything. `-` may become an item, a rule or the underline of a
 * heading. Other such lines are `1.`, `#`, a fence, the second row of a table, and `[ ]`.
 */
const undecided = /^[-*_=|:+#>`~ \t]*(?:\d{1,9}(?:[.)][ \t]*)?)?(?:\[[ xX]?\]?)?[ \t]*$/
const fenceStart = /^[ \t>]*(?:`{3,}[^`]*|~{3,}.*)$/

/**
 * How much of the text to show while more comes. The last line is left off while nobody can tell
 * what it is.
 */
export function toShownLength(text: string): number {
  const start = text.lastIndexOf('\n') + 1
  const line = text.slice(start)
  // The language of a fence comes in pieces, and `py` is another language than `python`.
  return line.length < 200 && (undecided.test(line) || fenceStart.test(line)) ? start : text.length
}

/**
 * Whether the blocks end in a fence that is still open. Then the undecided `line` is code, unless
 * it may be the end of the fence.
 */
export function isInFence(tokens: readonly Token[], line: string): boolean {
  if (/^[ \t>]*(?:`+|~+)[ \t]*$/.test(line)) return false
  let last = tokens.at(-1)
  while (last) {
    if (last.type === 'code') return last['codeBlockStyle'] === undefined && !isClosed(last.raw)
    last = last.type === 'list' ? (last as Tokens.List).items.at(-1) : 'tokens' in last ? last.tokens?.at(-1) : undefined
  }
  return false
}

function isClosed(raw: string): boolean {
  const fence = /^ {0,3}(`{3,}|~{3,})/.exec(raw)?.[1] ?? ''
  const lastLine = raw.trimEnd().slice(raw.trimEnd().lastIndexOf('\n') + 1)
  return raw.includes('\n') && new RegExp(`^ {0,3}${fence}${fence[0]}*$`).test(lastLine)
}

/**
 * Makes a table of a paragraph that looks like a table's first row, before the second row comes.
 */
export function toTable(text: string): Tokens.Table | undefined {
  const row = text.trim()
  if (!/^\|[^\n]*\S[^\n]*$/.test(row) || row.length > 2000) return undefined
  const line = /[^\\]\|$/.test(row) ? row : `${row}|`
  const columns = (line.match(/(?<!\\)\|/g)?.length ?? 1) - 1
  const [table] = lexBlocks(`${line}\n|${'-|'.repeat(columns)}`)
  return table?.type === 'table' ? (table as Tokens.Table) : undefined
}
