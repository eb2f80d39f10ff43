import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import { ServiceError } from '../errors.ts'
import type { Env } from './env.ts'
import type { Limits } from './limits.ts'

export interface LimitGuardOptions {
  limits: Limits
  /** The number that `limits` allows. It is used in error texts and headers. 0 means no limit. */
  max: number
  /** Returns the IP address of the caller, which identifies the caller if there are no keys. */
  address: (c: Context) => string
}

/**
 * Limits the requests that a caller may send in a minute. A caller is a key, or an IP address if
 * there are no keys. The headers follow the IETF draft (draft-ietf-httpapi-ratelimit-headers-10 §3
 * and §4).
 * @throws ServiceError `rate_limited`, with the limit and the time to wait
 */
export function rateGuard({ limits, max, address }: LimitGuardOptions) {
  return createMiddleware<Env>(async (c, next) => {
    if (max === 0) return next()
    const { isAllowed, remaining, retryAfterSeconds } = await limits.consume(toLimitKey(c, address))
    c.header('ratelimit-policy', `"minute";q=${max};w=60`)
    if (remaining !== undefined) c.header('ratelimit', `"minute";r=${remaining};t=${retryAfterSeconds}`)
    if (!isAllowed) {
      throw new ServiceError('rate_limited', `More than ${max} requests a minute; try again in ${retryAfterSeconds} s`, {
        retryAfterSeconds,
      })
    }
    return next()
  })
}

export interface AnswerGuardOptions extends LimitGuardOptions {
  /** Whether a request only resumes an answer. That answer is already counted. */
  isResume?: (c: Context) => boolean
}

/**
 * Limits the answers that a caller may receive at a time. A caller is a key, or an IP address if
 * there are no keys.
 * @throws ServiceError `rate_limited`, with the limit and the time to wait
 */
export function answerGuard({ limits, max, address, isResume = () => false }: AnswerGuardOptions) {
  return createMiddleware<Env>(async (c, next) => {
    if (max === 0 || isResume(c)) return next()
    const leave = await limits.enter(toLimitKey(c, address))
    if (!leave) {
      throw new ServiceError('rate_limited', `More than ${max} answers at a time; try again when one is over`, {
        retryAfterSeconds: 5,
      })
    }
    try {
      return await next()
    } finally {
      const { stream } = c.var
      if (stream) void stream.ended.then(leave)
      else leave()
    }
  })
}

/** Returns the caller whose requests are counted together: a key, or an address without keys. */
export function toLimitKey(c: Context<Env>, address: LimitGuardOptions['address']): string {
  const { name } = c.var.principal
  return name ? `key ${name}` : `address ${toNetwork(address(c))}`
}

/**
 * Returns the /64 network of an IPv6 address, because one caller usually has all addresses of that
 * network. An IPv4 address is returned unchanged.
 */
function toNetwork(address: string): string {
  const mapped = /^::ffff:(\d+(?:\.\d+){3})$/i.exec(address)?.[1]
  if (mapped) return mapped
  if (!address.includes(':')) return address
  const [head = '', tail] = address.toLowerCase().split('::')
  const groups = head === '' ? [] : head.split(':')
  const after = tail ? tail.split(':') : []
  const zeros = tail === undefined ? 0 : Math.max(8 - groups.length - after.length, 0)
  return `${[...groups, ...Array.from({ length: zeros }, () => '0'), ...after].slice(0, 4).join(':')}::/64`
}
