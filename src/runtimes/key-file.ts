import { readFile, stat } from 'node:fs/promises'
import process from 'node:process'
import { setImmediate } from 'node:timers/promises'
import type { ApiKey } from '../config/api-key.ts'
import { KeyFileError, parseKeyFile } from '../config/key-file.ts'
import { ConfigError, type Config } from '../config/parse-config.ts'
import { variables } from '../config/variables.ts'

/** The largest file of keys. 10,000 keys with all fields take 4 MB. */
const maxBytes = 8_388_608
/**
 * The time of a file has a resolution of milliseconds or seconds. If the file is younger than this,
 * it may change once more without another time.
 */
const youngMs = 3000

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EACCES: 'this user may not read it',
  EPERM: 'this user may not read it',
}

/**
 * Returns what tells whether the file at a path is still the same. Links are followed, because
 * Kubernetes changes a mounted file by changing a link. Undefined if the file is so young that
 * nobody can tell.
 * @throws KeyFileError if it cannot be a file of keys
 */
export async function readVersion(path: string): Promise<string | undefined> {
  const stats = await orProblem(stat(path))
  const { ino, size, mode, mtimeMs } = stats
  if (!stats.isFile()) throw new KeyFileError(['is no file'])
  if (size > maxBytes) throw new KeyFileError([`is larger than ${maxBytes} bytes`])
  // Who can write the file can make a key. On Windows, the mode says nothing.
  if (process.platform !== 'win32' && mode & 0o002)
    throw new KeyFileError(['everybody may write it; take this right away (chmod o-w)'])
  return Math.abs(Date.now() - mtimeMs) < youngMs ? undefined : `${ino} ${size} ${mtimeMs}`
}

/** @throws KeyFileError if the file cannot be read */
export async function readText(path: string): Promise<string> {
  const bytes = await orProblem(readFile(path))
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new KeyFileError(['is not UTF-8'])
  }
}

/** Parses the text of a file in slices, so that no stream has to wait long. @throws KeyFileError */
export async function parseInSlices(text: string): Promise<readonly ApiKey[]> {
  const parsing = parseKeyFile(text)
  for (;;) {
    const { done, value } = parsing.next()
    if (done) return value
    await setImmediate()
  }
}

/**
 * Returns the configuration with the keys of its file, if it has a file.
 * @throws ConfigError
 */
export async function withKeys(config: Config): Promise<Config> {
  const { keysFile } = config.access
  if (keysFile === undefined) return config
  try {
    await readVersion(keysFile)
    const keys = await parseInSlices(await readText(keysFile))
    return { ...config, access: { ...config.access, keys } }
  } catch (error) {
    throw new ConfigError(toProblems(error))
  }
}

/** Returns the lines of a mistake in the file. @throws the error, if it is another one */
export function toProblems(error: unknown): string[] {
  if (!(error instanceof KeyFileError)) throw error
  return error.message.split('\n').map((line) => `${variables.access.keysFile.name}: ${line}`)
}

async function orProblem<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work
  } catch (error) {
    const { code = '', name } = error as NodeJS.ErrnoException
    throw new KeyFileError([`cannot be read: ${reasons[code] ?? (code || name)}`])
  }
}
