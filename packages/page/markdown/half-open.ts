import type { Token, Tokens } from 'marked'
import { lexBlocks } from './lexer.ts'

/**
 * A line whose block type is not certain yet. For example, `-` may become a list item, a rule or
 * the underline of a heading. Other such lines are `1.`, `#`, a fence, the second row of a table,
 * and `[ ]`.
 */
const undecided = /^[-*_=|:+#>`~ \t]*(?:\d{1,9}(?:[.)][ \t]*)?)?(?:\[[ xX]?\]?)?[ \t]*$/
const fenceStart = /^[ \t>]*(?:`{3,}[^`]*|~{3,}.*)$/

/**
 * Returns how much of the text to show while more text comes. The last line is hidden as long as
 * its block type is not certain.
 */
export function toShownLength(text: string): number {
  const start = text.lastIndexOf('\n') + 1
  const line = text.slice(start)
  // A fence is hidden until its line ends, because the language may arrive in parts: first `py`,
  // then `thon`.
  return line.length < 200 && (undecided.test(line) || fenceStart.test(line)) ? start : text.length
}

/**
 * Whether the undecided `line` is code. It is code if the text before it ends in an open fence, and
 * the line cannot be the end of this fence.
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
 * Turns a paragraph that looks like the first row of a table into a table, before the second row
 * comes.
 */
export function toTable(text: string): Tokens.Table | undefined {
  const row = text.trim()
  if (!/^\|[^\n]*\S[^\n]*$/.test(row) || row.length > 2000) return undefined
  const line = /[^\\]\|$/.test(row) ? row : `${row}|`
  const columns = (line.match(/(?<!\\)\|/g)?.length ?? 1) - 1
  const [table] = lexBlocks(`${line}\n|${'-|'.repeat(columns)}`)
  return table?.type === 'table' ? (table as Tokens.Table) : undefined
}
