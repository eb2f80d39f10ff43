import { nowMs, until } from '../clock.ts'
import { openConnection } from '../reader/connection.ts'
import type { Target } from '../reader/target.ts'

const TOKENS = 10

/**
 * Tries until the server answers, then reads a short stream to its end. This checks that the server
 * relays correctly, because the figures of a wrong relay mean nothing. Resolves with the time of
 * the first token.
 * @throws Error if the answer is wrong, if the process ends, or if no answer comes before `endMs`
 */
export async function readFirstStream(
  target: Target,
  { seed, endMs, hasEnded }: { seed: number; endMs: number; hasEnded: () => boolean },
): Promise<number> {
  for (;;) {
    const askedMs = nowMs()
    const connection = openConnection({ target, mode: 'paced', tokens: TOKENS, seed }, { headOnly: false, onGap() {} })
    await until(() => connection.ended !== undefined, endMs - askedMs)
    const { ended, events, firstMs, refusal } = connection
    connection.leave()
    if (ended === 'clean' && events === TOKENS && firstMs !== undefined) return askedMs + firstMs
    if (refusal !== undefined || events > 0) throw new Error(refusal ?? `${events} of ${TOKENS} tokens arrived, ${ended}`)
    if (hasEnded() || nowMs() > endMs) throw new Error(`it did not answer at port ${target.port}`)
  }
}
