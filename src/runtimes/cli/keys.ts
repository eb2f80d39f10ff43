import { createHash, randomBytes } from 'node:crypto'
import { isGlob, isKeyName } from '../../config/api-key.ts'
import { editKeyFile, readEntries, type Entry } from './edit-key-file.ts'
import { UsageError } from './usage-error.ts'

/** What the flags of `sluice key …` say. */
export interface KeyFlags {
  /** The file of keys. */
  readonly file?: string | undefined
  /** Whether the key may see and do what only an operator may. */
  readonly isAdmin?: boolean
  /** When the key ends, as the file has it. */
  readonly expires?: string | undefined
}

export const keyCommands = ['key add', 'key list', 'key revoke', 'key rotate'] as const

/** A command for keys, with what follows it. */
export interface KeyOrder {
  readonly command: (typeof keyCommands)[number]
  readonly words: readonly string[]
  readonly flags: KeyFlags
}

/**
 * Does what a command for keys asks, and returns the text for its user. A secret is in the text
 * once, because nothing stores it (docs/protocol.md#7-who-may-ask).
 * @throws UsageError
 */
export function runKeyCommand({ command, words, flags }: KeyOrder): string {
  if (command === 'key add') return addKey(words, flags)
  const { file } = flags
  if (file === undefined) throw new UsageError(`sluice ${command} needs --file FILE, or SLUICE_API_KEYS_FILE`)
  if (command === 'key list') {
    if (words.length > 0) throw new UsageError('sluice key list takes no word')
    return listKeys(file)
  }
  const [name, ...others] = words
  if (name === undefined || others.length > 0) throw new UsageError(`sluice ${command} needs the NAME of one key`)
  return command === 'key revoke' ? revokeKey(file, name) : rotateKey(file, name)
}

/** Adds a key to the file. Without a file, the text has an entry for SLUICE_API_KEYS. */
function addKey([name = '', ...globs]: readonly string[], { file, isAdmin = false, expires }: KeyFlags): string {
  if (!isKeyName(name) || !globs.every(isGlob))
    throw new UsageError('a key needs NAME [MODEL…]\nNAME is letters, digits, dots, - and _; models are names, * is a wildcard')
  const { secret, sha256 } = createSecret()
  const entry = {
    name,
    sha256,
    ...(globs.length > 0 && { models: globs }),
    ...(isAdmin && { admin: true }),
    ...(expires !== undefined && { expires }),
  }
  if (file !== undefined) {
    editKeyFile(file, (entries) => {
      if (entries.some((other) => other.name === name))
        throw new UsageError(`${file} has a key ${name} already; sluice key rotate ${name} gives it another secret`)
      return [...entries, entry]
    })
    return `${toShown(secret)}\n\n${file} has the key ${name} now.`
  }
  if (isAdmin || expires !== undefined)
    throw new UsageError('--admin and --expires need --file FILE, because SLUICE_API_KEYS has no place for them')
  return `${toShown(secret)}

The entry for SLUICE_API_KEYS. Several entries have commas between them:

  ${[name, sha256, ...(globs.length > 0 ? [globs.join('|')] : [])].join(':')}`
}

/** A line for each key, without its hash. */
function listKeys(file: string): string {
  const entries = readEntries(file)
  const lines = entries.map((entry) => {
    const fields = Object.entries(entry).filter(([field]) => field !== 'name' && field !== 'sha256')
    return [entry.name, ...fields.map(([field, value]) => `${field}=${toText(value)}`)].join('  ')
  })
  return lines.length > 0 ? lines.join('\n') : `${file} has no key.`
}

function revokeKey(file: string, name: string): string {
  editKeyFile(file, (entries) => {
    find(entries, name, file)
    return entries.filter((entry) => entry.name !== name)
  })
  return `${file} has no key ${name} any more.`
}

function rotateKey(file: string, name: string): string {
  const { secret, sha256 } = createSecret()
  editKeyFile(file, (entries) => {
    find(entries, name, file)
    return entries.map((entry) => (entry.name === name ? { ...entry, sha256 } : entry))
  })
  return `${toShown(secret)}\n\nThe secret that ${name} had is not valid any more.`
}

/** @throws UsageError */
function find(entries: readonly Entry[], name: string, file: string) {
  if (!entries.some((entry) => entry.name === name))
    throw new UsageError(`${file} has no key of this name; sluice key list shows all`)
}

function createSecret() {
  const secret = `sluice-${randomBytes(32).toString('base64url')}`
  return { secret, sha256: createHash('sha256').update(secret).digest('hex') }
}

function toShown(secret: string): string {
  return `The secret. Give it to the caller now, because it is not shown again:\n\n  ${secret}`
}

/** A value of the file, for a terminal: without control characters. */
function toText(value: unknown): string {
  const text = Array.isArray(value) ? value.join('|') : String(value)
  return text.replaceAll(/\p{Cc}/gu, '?')
}
