import process from 'node:process'
import type { AppOptions } from '../app.ts'
import type { Config } from '../config/parse-config.ts'
import { variables } from '../config/variables.ts'
import { createKeyRing, type KeyRing } from '../middleware/key-ring.ts'
import { parseInSlices, readText, readVersion, toProblems } from './key-file.ts'

/**
 * How often the file is looked at, in milliseconds. A revoked key ends its streams within a second.
 */
const lookMs = 500

/**
 * Returns the keys of the configuration. If they have a file, it is read again when it changes and
 * at the signal SIGHUP. Keys that have expired end their streams.
 */
export async function openKeys({ access: { keys, keysFile } }: Config): Promise<Pick<AppOptions, 'keys'>> {
  if (keys.length === 0 && keysFile === undefined) return {}
  const ring = createKeyRing(keys)
  const watch = keysFile === undefined ? undefined : createKeyWatch({ path: keysFile, ring, write: console.error })
  await watch?.look() // from here on, each change is written
  setInterval(() => {
    ring.look()
    void watch?.look()
  }, lookMs).unref()
  if (watch) process.on('SIGHUP', () => void watch.look(true))
  return { keys: ring }
}

export interface KeyWatchOptions {
  path: string
  ring: Pick<KeyRing, 'replace'>
  /** Writes a line for the operator. */
  write: (line: string) => void
}

export interface KeyWatch {
  /**
   * Reads the file again if it has changed, or if that is demanded. A file with mistakes changes no
   * key, and is written about once.
   */
  look(isDemanded?: boolean): Promise<void>
}

/**
 * Watches a file by its version, because events of the file system get lost where a link is
 * changed, and on file systems of a network.
 */
export function createKeyWatch({ path, ring, write }: KeyWatchOptions): KeyWatch {
  const name = variables.access.keysFile.name
  let isBusy = false
  let isDemanded = false
  /** Undefined if the file has to be read to see whether it has changed. */
  let version: string | undefined
  let text: string | undefined
  /** Why the file cannot be read. */
  let problem = ''

  /** Returns whether the file has another text than before. @throws KeyFileError */
  async function read(): Promise<boolean> {
    const now = await readVersion(path)
    if (now !== undefined && now === version) return false
    const before = text
    text = await readText(path)
    version = now // it was seen before the text was read, so no change is missed
    return text !== before
  }

  async function look() {
    const [isForced, isFirst] = [isDemanded, text === undefined]
    isDemanded = false
    try {
      const hasChanged = await read()
      problem = ''
      if (!hasChanged && !isForced) return
    } catch (error) {
      const lines = toProblems(error).join('\n')
      if (lines !== problem || isForced) write(`${lines}\n${name}: the keys stay as they were`)
      problem = lines
      return
    }
    try {
      const keys = await parseInSlices(text!)
      ring.replace(keys)
      if (!isFirst || isForced) write(`${name}: ${keys.length} ${keys.length === 1 ? 'key is' : 'keys are'} valid from now on`)
    } catch (error) {
      write(`${toProblems(error).join('\n')}\n${name}: the keys stay as they were`)
    }
  }

  return {
    async look(demanded = false) {
      isDemanded ||= demanded
      if (isBusy) return // the next look comes soon
      isBusy = true
      await look()
      isBusy = false
    },
  }
}
