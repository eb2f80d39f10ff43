import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import { ServiceError } from '../errors.ts'
import type { Env } from './env.ts'
import type { Limits } from './limits.ts'

export interface LimitGuardOptions {
  limits: Limits
  /** For the texts and headers; 0 = no limit. */
  perMinute: number
  streams: number
  /** The caller's address, for those without a key. */
  address: (c: Context) => string
}

/**
 * The limits of a key, or of an address where there are no keys: requests a minute, and answers at a time. The headers are the IETF's
 * (draft-ietf-httpapi-ratelimit-headers-10 §3 and §4).
 * @throws ServiceError `rate_limited`, with what was too much and when to come back
 */
export function limitGuard({ limits, perMinute, streams, address }: LimitGuardOptions) {
  return createMiddleware<Env>(async (c, next) => {
    const { name } = c.var.principal
    const who = name ? `key ${name}` : `address ${toNetwork(address(c))}`

    if (perMinute > 0) {
      const taken = await limits.take(who)
      c.header('ratelimit-policy', `"minute";q=${perMinute};w=60`)
      if (taken.remaining !== undefined) c.header('ratelimit', `"minute";r=${taken.remaining};t=${taken.retryAfterSeconds}`)
      if (!taken.isAllowed) {
        throw new ServiceError(
          'rate_limited',
          `No more than ${perMinute} requests a minute; come back in ${taken.retryAfterSeconds} s`,
          {
            retryAfterSeconds: taken.retryAfterSeconds,
          },
        )
      }
    }

    if (streams === 0) return next()
    const leave = await limits.enter(who)
    if (!leave) {
      throw new ServiceError('rate_limited', `No more than ${streams} answers at a time; come back when one is over`, {
        retryAfterSeconds: 5,
      })
    }
    try {
      await next()
    } finally {
      const { stream } = c.var.entry
      if (stream) void stream.then(leave)
      else leave()
    }
  })
}

/** Of IPv6 the first half: who has an address has all that share it. */
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
