import type { RedisAddress } from '../../config/schemas.ts'

/** Why Redis cannot be used. */
export interface Problem {
  /**
   * Whether it lasts until somebody changes Redis or our configuration. If not, Redis is only down.
   */
  readonly isRefusal: boolean
  /** One line for a person. It contains no part of the address, and no key. */
  readonly text: string
}

/** Redis does not accept our connection, or the commands that Sluice needs. */
export class RefusalError extends Error {}

/** Redis did not answer in time. */
export class LateError extends Error {
  constructor() {
    super('Redis does not answer')
  }
}

/** The answers are not those of a Redis. */
export class NonsenseError extends Error {}

const noCluster = 'name a Redis that is no part of a cluster'

/** What to do about a refusal, by the first word of the answer. */
const advice: Readonly<Record<string, string>> = {
  NOAUTH: 'put the password into the URL',
  WRONGPASS: 'check the user and the password in the URL',
  NOPERM: 'docs/scale.md §4 says what the user needs',
  READONLY: 'name the primary in the URL',
  MOVED: noCluster,
  CROSSSLOT: noCluster,
  CLUSTERDOWN: noCluster,
  DENIED: 'set a password at Redis',
}

/** The first words of the answers of a Redis that cannot do its work now. */
const busy = /^(?:OOM|LOADING|BUSY|MISCONF|NOREPLICAS|MASTERDOWN|ERR max number of clients)\b/
const refused = new RegExp(`^(?:${Object.keys(advice).join('|')})\\b`)

/**
 * Whether an answer of Redis concerns all commands, and not only the one that it is for. `text` is
 * the text of the error.
 */
export function isAboutAll(text: string): boolean {
  return busy.test(text) || refused.test(text)
}

/** Returns what an answer of Redis means, if it is an error. */
export function toProblemOfReply(text: string, { username, password }: RedisAddress): Problem {
  const [word = ''] = /^[A-Z]+\b/.exec(text) ?? []
  if (busy.test(text)) return { isRefusal: false, text: word === 'ERR' ? 'it has too many clients' : word }
  // A server that is no Redis might repeat what it was sent.
  const isSecret = [username, password].some((secret) => secret !== undefined && text.includes(secret))
  const told = isSecret ? word : text.slice(0, 160).replace(/[.\s]+$/, '')
  if (refused.test(text)) return { isRefusal: true, text: `${word === 'MOVED' ? word : told}; ${advice[word]}` }
  if (/^ERR (?:DB|AUTH|invalid password|Client sent AUTH)\b/.test(text))
    return { isRefusal: true, text: `${told}; check the URL` }
  return { isRefusal: true, text: `${told}; Sluice needs Redis 6.2 or a later version` }
}

/** Returns what an error of the connection means. */
export function toProblemOfConnection(error: unknown): Problem {
  const { code = '', constructor } = error as NodeJS.ErrnoException
  if (/CERT|SELF_SIGNED|UNABLE_TO_/.test(code))
    return { isRefusal: true, text: `its certificate is not valid (${code}); NODE_EXTRA_CA_CERTS adds an authority` }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL')) return { isRefusal: true, text: 'it does not speak TLS; use redis://' }
  if (code) return { isRefusal: false, text: code }
  // The client has a class for each way to lose a connection. It throws a plain error if it cannot
  // read an answer.
  if (constructor === Error || error instanceof TypeError || error instanceof NonsenseError)
    return { isRefusal: true, text: 'its answers are not those of a Redis; check the port, and use rediss:// for TLS' }
  return { isRefusal: false, text: error instanceof LateError ? 'it does not answer' : 'it closed the connection' }
}
