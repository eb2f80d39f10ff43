import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))
const isText = (file: string) => /(?:\.(?:[cm]?[jt]sx?|md|css|html|env|py|sh|service|yaml)|Dockerfile)$/.test(file)

/** A text file of the repository. `file` is its path from the project's root. */
export interface TextFile {
  readonly file: string
  readonly text: string
}

/** Reads every text of the repository: source, tests, bench and docs. */
export function readTexts(): TextFile[] {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
  return execFileSync('git', args, { cwd: root, encoding: 'utf8' })
    .split('\0')
    .filter((file) => isText(file) && existsSync(root + file))
    .map((file) => ({ file, text: readFileSync(root + file, 'utf8') }))
}

/** A line of the repository that cites a numbered rule. */
export interface Citation {
  /** The file and line, such as `src/errors.ts:7`. */
  readonly place: string
  readonly number: number
}

/**
 * Finds every citation in source, tests, bench and docs. `pattern` must be global. One match may
 * have several numbers.
 */
export function findCitations(pattern: RegExp): Citation[] {
  return readTexts().flatMap(({ file, text }) =>
    text.split('\n').flatMap((line, i) => {
      const numbers = [...line.matchAll(pattern)].flatMap(([match]) => match.match(/\d+/g) ?? [])
      return numbers.map((number) => ({ place: `${file}:${i + 1}`, number: Number(number) }))
    }),
  )
}

/** A row of the table that names the test of each rule. */
export interface TestedRule {
  readonly number: number
  readonly file: string
  readonly title: string
}

/** Whether the test of a row exists: the file exists and contains the test's title. */
export function hasTest({ file, title }: TestedRule): boolean {
  return title !== '' && existsSync(root + file) && readFileSync(root + file, 'utf8').includes(title)
}

/** Reads a page by its path from the project's root. */
export function readPage(path: string): string {
  return readFileSync(root + path, 'utf8')
}
