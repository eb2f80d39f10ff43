import process from 'node:process'
import { parseArgs } from 'node:util'
import { ConfigError, parseConfig } from '../../config/parse-config.ts'
import { variables } from '../../config/variables.ts'
import { keyCommands, type KeyFlags, type KeyOrder } from './keys.ts'
import { toNearest } from './nearest.ts'
import { UsageError } from './usage-error.ts'

/** What somebody typed after `sluice`. */
export interface CommandLine {
  readonly command: 'start' | 'check' | 'keys' | 'help' | 'version'
  /** What to do with keys, if the command is `keys`. */
  readonly order?: KeyOrder
  /** The variables that the flags set. They win over the environment. */
  readonly variables: Readonly<Record<string, string>>
  readonly envFiles: readonly string[]
  /** Whether the page is to be opened in a browser. */
  readonly open: boolean
}

type Flag = keyof typeof options

const options = {
  port: { type: 'string' },
  host: { type: 'string' },
  ollama: { type: 'string' },
  demo: { type: 'boolean' },
  open: { type: 'boolean' },
  'env-file': { type: 'string', multiple: true },
  file: { type: 'string' },
  admin: { type: 'boolean' },
  expires: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const

const flags = Object.keys(options).map((name) => `--${name}`)

/** The variable that each flag sets. */
const variableOf: Readonly<Partial<Record<Flag, string>>> = {
  port: variables.server.port.name,
  host: variables.server.host.name,
  ollama: variables.upstream.host.name,
}

const settings: readonly Flag[] = ['port', 'host', 'ollama', 'demo', 'env-file']

/** The commands, and the flags that each of them takes. */
const commands: Readonly<Record<string, readonly Flag[]>> = {
  demo: [...settings, 'open'],
  check: settings,
  'key add': ['file', 'admin', 'expires'],
  'key list': ['file'],
  'key revoke': ['file'],
  'key rotate': ['file'],
}

/**
 * Parses the arguments of `sluice`.
 * @throws UsageError
 */
export function parseCommandLine(args: readonly string[]): CommandLine {
  // `strict` would throw texts of Node that speak of "positional arguments".
  const { values, tokens, positionals } = parseArgs({ args: [...args], options, strict: false, tokens: true })
  const given = new Map<Flag, string>()
  for (const token of tokens) {
    if (token.kind !== 'option') continue
    const { name, rawName, value, inlineValue } = token
    if (!isFlag(name)) throw new UsageError(`there is no flag ${rawName}${suggest(rawName, flags)}`)
    if (options[name].type === 'boolean' && value !== undefined) throw new UsageError(`${rawName} takes no value`)
    if (options[name].type === 'string' && (!value || (!inlineValue && value.startsWith('-'))))
      throw new UsageError(`${rawName} needs a value`)
    given.set(name, value ?? '')
  }
  const nothing = { variables: {}, envFiles: [], open: false }
  if (given.has('help') || positionals[0] === 'help') return { command: 'help', ...nothing }
  if (given.has('version')) return { command: 'version', ...nothing }

  const { name, words } = parseWords(positionals)
  const allowed = commands[name === '' ? 'demo' : name]!
  for (const flag of given.keys())
    if (!allowed.includes(flag)) throw new UsageError(`--${flag} has no meaning for sluice ${name}`)
  const isDemo = name === 'demo' || given.has('demo')
  if (isDemo && given.has('ollama')) throw new UsageError('the demo asks no Ollama; leave out --ollama or the demo')
  const keyCommand = keyCommands.find((command) => command === name)
  if (keyCommand) return { command: 'keys', order: { command: keyCommand, words, flags: toKeyFlags(given) }, ...nothing }
  return {
    command: name === 'check' ? 'check' : 'start',
    variables: {
      ...toVariables(given),
      ...(isDemo && { [variables.upstream.demo.name]: '1' }),
      // A flag wins over the environment, so this is the end of a demo and of other hosts there.
      ...(given.has('ollama') && { [variables.upstream.demo.name]: '0', [variables.upstream.hosts.name]: '' }),
    },
    envFiles: (values['env-file'] ?? []).filter((path) => typeof path === 'string'),
    open: given.has('open'),
  }
}

function isFlag(name: string): name is Flag {
  return Object.hasOwn(options, name)
}

/** Splits words into the name of a command and its own words. @throws UsageError */
function parseWords([first, second, ...rest]: readonly string[]): { name: string; words: readonly string[] } {
  if (first === undefined) return { name: '', words: [] }
  if (first === 'key') {
    const name = keyCommands.find((command) => command === `key ${second}`)
    if (name) return { name, words: rest }
    throw new UsageError('sluice key add NAME [MODEL…] makes a key; there are also list, revoke and rotate')
  }
  if (!Object.hasOwn(commands, first))
    throw new UsageError(`there is no command ${toShown(first)}${suggest(first, [...Object.keys(commands), 'help'])}`)
  if (second !== undefined) throw new UsageError(`sluice ${first} takes no word such as ${toShown(second)}`)
  return { name: first, words: [] }
}

function toKeyFlags(given: ReadonlyMap<Flag, string>): KeyFlags {
  const file = given.get('file') ?? (process.env[variables.access.keysFile.name] || undefined)
  return { file, isAdmin: given.has('admin'), expires: given.get('expires') }
}

/** @throws UsageError for a value that its variable does not accept either */
function toVariables(given: ReadonlyMap<Flag, string>): Record<string, string> {
  const set: Record<string, string> = {}
  for (const [flag, value] of given) {
    const name = variableOf[flag]
    if (name === undefined) continue
    try {
      parseConfig({ [name]: value })
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      throw new UsageError(error.message.replace(`${name}: `, `--${flag} `), { cause: error })
    }
    set[name] = value
  }
  return set
}

function suggest(typed: string, words: readonly string[]): string {
  const nearest = toNearest(typed.replace(/^-(?=[^-])/, '--'), words)
  return nearest === undefined ? '; sluice --help lists them' : `; did you mean ${nearest}?`
}

/** A word of the command line, for a terminal: without control characters, and not long. */
function toShown(word: string): string {
  return word.replaceAll(/\p{Cc}/gu, '?').slice(0, 40)
}
