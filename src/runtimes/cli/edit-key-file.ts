import {
  chmodSync,
  chownSync,
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { KeyFileError, parseKeys } from '../../config/key-file.ts'
import { UsageError } from './usage-error.ts'

/** A key, as the file has it. Fields that nobody changes stay as they are. */
export type Entry = Readonly<Record<string, unknown>> & { readonly name: string; readonly sha256: string }

/** Returns the keys of a file. Their order is that of the file. @throws UsageError */
export function readEntries(path: string): readonly Entry[] {
  const text = orUsageError(path, 'read', () => readFileSync(path, 'utf8'))
  return toEntries(path, text)
}

/**
 * Changes a file of keys. The new file takes the place of the old one at once, so nobody reads half
 * a file. It has the rights and the owner of the old one, and a file that was not there can be read
 * by its owner alone. If two programs change a file at the same time, the second one fails.
 * @throws UsageError if the file cannot be read, is no file of keys, or cannot be written
 */
export function editKeyFile(path: string, edit: (entries: readonly Entry[]) => readonly Entry[]): void {
  // A link stays, and its target changes.
  const target = isThere(path) ? realpathSync(path) : path
  const next = `${target}.new`
  const file = orUsageError(next, 'write', () => openSync(next, 'wx', 0o600))
  try {
    const entries = edit(isThere(target) ? readEntries(target) : [])
    const text = toText(entries)
    toEntries(target, text) // what a Sluice would refuse is never written
    orUsageError(next, 'write', () => {
      writeFileSync(file, text)
      fsyncSync(file)
      if (isThere(target)) keepRights(target, next)
      renameSync(next, target)
    })
  } catch (error) {
    rmSync(next, { force: true })
    throw error
  } finally {
    closeSync(file)
  }
}

/** One key on each line, so that a change is a change of a line. */
function toText(entries: readonly Entry[]): string {
  return `{"keys":[${entries.map((entry, i) => `${i > 0 ? ',' : ''}\n  ${JSON.stringify(entry)}`).join('')}\n]}\n`
}

function toEntries(path: string, text: string): readonly Entry[] {
  try {
    parseKeys(text)
  } catch (error) {
    if (!(error instanceof KeyFileError)) throw error
    throw new UsageError(`${path}: ${error.message}`, { cause: error })
  }
  return (JSON.parse(text) as { keys: readonly Entry[] }).keys
}

function keepRights(from: string, to: string) {
  const { mode, uid, gid } = statSync(from)
  const own = statSync(to)
  if (own.uid !== uid || own.gid !== gid) chownSync(to, uid, gid)
  chmodSync(to, mode & 0o777)
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'this user may not do it',
  EPERM: 'this user may not do it',
  EISDIR: 'it is a folder',
  EEXIST: 'another program is writing the keys. If none is, remove this file',
}

function orUsageError<Result>(path: string, what: string, work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    throw new UsageError(`cannot ${what} ${path}: ${reasons[code] ?? code}`, { cause: error })
  }
}
