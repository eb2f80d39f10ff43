import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { UsageError } from './usage-error.ts'

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'this user may not read it',
  EISDIR: 'it is a folder',
}

/**
 * Reads a file of lines `NAME=value`. Node reads the values. But Node skips a line that it cannot
 * read, and a variable that is missing without a word may be the one with the keys.
 * @throws UsageError that names the line, and none of its text
 */
export function readEnvFile(path: string): Readonly<Record<string, string | undefined>> {
  const text = decode(readBytes(path), path).replaceAll(/\r\n?/g, '\n')
  const problem = findProblem(text)
  if (problem) throw new UsageError(`${path}, ${problem}`)
  return parseEnv(text)
}

function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path)
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    throw new UsageError(`cannot read ${path}: ${reasons[code] ?? code}`, { cause: error })
  }
}

/** Decodes UTF-8, and removes a byte order mark. Editors on Windows may write one, or UTF-16. */
function decode(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw new UsageError(`cannot read ${path}: it is not UTF-8`, { cause: error })
  }
}

/** Finds the first line that is no assignment, no comment and no part of a quoted value. */
function findProblem(text: string): string | undefined {
  /** The quote of a value that goes on in the next line. */
  let open: { readonly quote: string; readonly line: number } | undefined
  for (const [index, line] of text.split('\n').entries()) {
    if (open) {
      if (line.includes(open.quote)) open = undefined
      continue
    }
    if (/^\s*(?:#|$)/.test(line)) continue
    const [, value] = /^\s*(?:export\s+)?[A-Za-z_][\w.-]*\s*=\s*(.*)$/.exec(line) ?? []
    if (value === undefined) return `line ${index + 1}: it is not NAME=value`
    const [quote = ''] = value
    if (/["'`]/.test(quote) && !value.includes(quote, 1)) open = { quote, line: index + 1 }
  }
  return open && `line ${open.line}: its quote is not closed`
}
