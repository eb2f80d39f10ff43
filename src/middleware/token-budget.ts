import type { Context } from 'hono'
import { ServiceError } from '../errors.ts'
import type { Outcome } from '../relay/stream.ts'
import type { Env } from './env.ts'
import { toLimitKey } from './limit-guard.ts'
import { toQuota, type Limits, type Quota, type Verdict } from './limits.ts'
import { toUsedTokens, type TokenEstimate } from './token-estimate.ts'

export interface TokenBudgetOptions {
  limits: Limits
  /** The general limits. Those of the caller replace them. */
  quota: Quota
  /** Returns the IP address of the caller, which identifies the caller if there are no keys. */
  address: (c: Context) => string
}

/** The tokens that are reserved for one request. They must be settled. */
export interface ReservedTokens {
  /** Call this when the request is sent to Ollama. */
  onSent(): void
  /** Counts what a generation has used, in place of what was reserved. */
  settleAnswer(outcome: Outcome): void
  /** Counts this number in place of what was reserved. By default, the estimate of the request. */
  settle(tokens?: number): void
}

export interface TokenBudget {
  /**
   * Reserves tokens for a request, and adds headers that say what is left. Undefined if the caller
   * has no budget. The promise rejects with the ServiceError `rate_limited` if the budget is used
   * up.
   */
  reserve(c: Context<Env>, toEstimate: () => TokenEstimate): Promise<ReservedTokens> | undefined
}

/**
 * Limits the tokens that a caller may use in a minute and in a day. Nobody knows how long an answer
 * will be, so what it may use at most is reserved, and corrected at its end. The reservation is
 * apart from that of the request, because it needs the body.
 */
export function createTokenBudget({ limits, quota: general, address }: TokenBudgetOptions): TokenBudget {
  async function take(c: Context<Env>, quota: Quota, { input, output }: TokenEstimate): Promise<ReservedTokens> {
    const verdict = await limits.reserve(toLimitKey(c, address), { tokens: input + output }, quota)
    addHeaders(c, verdict, quota)
    const { refusedBy } = verdict
    if (refusedBy) throw toRefusal(verdict, quota)
    return toReserved(verdict.settle, input)
  }

  return {
    reserve(c, toEstimate) {
      const quota = toQuota(general, c.var.principal.quota)
      return quota.tokensPerMinute || quota.tokensPerDay ? take(c, quota, toEstimate()) : undefined
    },
  }
}

/**
 * This is a separate function, because its closures live as long as the stream and must not keep
 * the request in memory (docs/hazards.md#81).
 */
function toReserved(settle: Verdict['settle'], input: number): ReservedTokens {
  let isSent = false
  return {
    onSent() {
      isSent = true
    },
    settleAnswer: (outcome) => settle(toUsedTokens(outcome, { isSent, input })),
    settle: (tokens = isSent ? input : 0) => settle(tokens),
  }
}

type Budget = 'tokensPerMinute' | 'tokensPerDay'

/** OpenAI's headers, because clients know them. They tell of the budget of which less is left. */
function addHeaders(c: Context, { refusedBy, left }: Verdict, quota: Quota) {
  const toRemaining = (budget: Budget) => left[budget]?.remaining ?? Infinity
  const isMinute = refusedBy ? refusedBy === 'tokensPerMinute' : toRemaining('tokensPerMinute') <= toRemaining('tokensPerDay')
  const budget = isMinute ? 'tokensPerMinute' : 'tokensPerDay'
  if (left[budget]?.remaining === undefined) return
  c.header('x-ratelimit-limit-tokens', String(quota[budget]))
  c.header('x-ratelimit-remaining-tokens', String(left[budget].remaining))
}

function toRefusal({ refusedBy, left }: Verdict, quota: Quota): ServiceError {
  const isMinute = refusedBy === 'tokensPerMinute'
  const max = isMinute ? `${quota.tokensPerMinute} tokens a minute` : `${quota.tokensPerDay} tokens a day`
  const { retryAfterSeconds } = left[refusedBy!]!
  return new ServiceError('rate_limited', `More than ${max}; try again in ${retryAfterSeconds} s`, { retryAfterSeconds })
}
