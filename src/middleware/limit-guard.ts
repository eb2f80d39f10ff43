import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import { ServiceError } from '../errors.ts'
import type { Stream } from '../relay/stream.ts'
import type { Env } from './env.ts'
import { toQuota, type Cost, type LimitName, type Limits, type Quota, type Verdict } from './limits.ts'

export interface LimitGuardOptions {
  limits: Limits
  /** The general limits. Those of the caller replace them. */
  quota: Quota
  /** Returns the IP address of the caller, which identifies the caller if there are no keys. */
  address: (c: Context) => string
  /** Whether a request takes the place of an answer. */
  takesAnswer: (c: Context) => boolean
}

/**
 * Limits the requests that a caller may send in a minute, and the answers that a caller may receive
 * at a time. A caller is a key, or an IP address if there are no keys. One reservation takes both,
 * because the limits may be in another process. The headers follow the IETF draft
 * (draft-ietf-httpapi-ratelimit-headers-10 §3 and §4).
 * @throws ServiceError `rate_limited`, with the limit and the time to wait
 */
export function limitGuard({ limits, quota: general, address, takesAnswer }: LimitGuardOptions) {
  return createMiddleware<Env>(async (c, next) => {
    const quota = toQuota(general, c.var.principal.quota)
    const { perMinute, streams } = quota
    const isAnswer = streams > 0 && takesAnswer(c)
    if (perMinute === 0 && !isAnswer) return next()
    const cost: Cost = { requests: 1, ...(isAnswer && { answers: 1 }) }
    const verdict = await limits.reserve(toLimitKey(c, address), cost, quota)
    const { refusedBy, left, settle } = verdict
    c.set('verdict', verdict)
    if (perMinute > 0) c.header('ratelimit-policy', `"minute";q=${perMinute};w=60`)
    const { remaining, retryAfterSeconds } = left.requests ?? {}
    if (remaining !== undefined) c.header('ratelimit', `"minute";r=${remaining};t=${retryAfterSeconds}`)
    if (refusedBy) throw toRefusal(refusedBy, left[refusedBy]!.retryAfterSeconds, quota)
    try {
      return await next()
    } finally {
      const { stream } = c.var
      if (stream) settleAtEnd(stream, settle)
      else settle()
    }
  })
}

function toRefusal(limit: LimitName, retryAfterSeconds: number, { perMinute, streams }: Quota): ServiceError {
  const text =
    limit === 'answers'
      ? `More than ${streams} answers at a time; try again when one is over`
      : `More than ${perMinute} requests a minute; try again in ${retryAfterSeconds} s`
  return new ServiceError('rate_limited', text, { retryAfterSeconds })
}

/**
 * This is a separate function, because its closure lives as long as the stream. On Bun, a closure
 * of the guard would keep the whole request in memory (docs/hazards.md#81).
 */
function settleAtEnd(stream: Stream, settle: Verdict['settle']) {
  void stream.ended.then(() => settle())
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
