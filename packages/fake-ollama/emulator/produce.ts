import type { End, Delta } from './chunk.ts'
import { toNanoseconds } from './clock.ts'
import { runnerDied } from './faults.ts'
import { createPace, wait, waitForever } from './pace.ts'
import type { Plan } from './plan.ts'

/**
 * One line of the answer: either a delta, or the text of Ollama's error line. The last line of a
 * complete answer also has an `end`.
 */
export type Piece = { delta: Delta; end?: End } | { error: string }

interface ProduceOptions {
  tokensPerSecond: number
  /** The times when the request came and when its model was ready, by `performance.now()`. */
  startedMs: number
  loadedMs: number
  signal: AbortSignal
}

/**
 * How many times faster a model reads a prompt than it writes. The demo spends at most two seconds
 * on a long prompt.
 */
const promptSpeedup = 20
const maxPromptMs = 2000

/**
 * Yields the lines of the plan at the speed of a model. If the prompt asks for a fault, the fault
 * replaces the lines after its number of tokens. Throws the signal's reason when the signal aborts.
 */
export async function* produce(plan: Plan, options: ProduceOptions): AsyncGenerator<Piece, void, undefined> {
  const { tokensPerSecond, startedMs, loadedMs, signal } = options
  const { end: fault, slowStartMs } = plan.faults
  const promptMs = Math.min((plan.promptCount * 1000) / (tokensPerSecond * promptSpeedup), maxPromptMs)
  await wait(slowStartMs + promptMs, signal)

  const evaluatedMs = performance.now()
  const pace = createPace(tokensPerSecond, plan.random, signal)
  let evalCount = 0
  for (const { delta, tokens } of plan.steps) {
    if (fault && evalCount >= fault.afterTokens) break
    await pace(tokens)
    evalCount += tokens
    yield { delta }
  }

  if (fault?.kind === 'stall') await waitForever(signal)
  if (fault?.kind === 'truncate') return
  if (fault?.kind === 'fail') {
    await pace(1)
    yield { error: runnerDied }
    return
  }
  const metrics = {
    total_duration: toNanoseconds(startedMs),
    load_duration: toNanoseconds(startedMs, loadedMs),
    prompt_eval_count: plan.promptCount,
    prompt_eval_duration: toNanoseconds(loadedMs, evaluatedMs),
    eval_count: evalCount,
    eval_duration: toNanoseconds(evaluatedMs),
  }
  yield { delta: { text: '' }, end: { doneReason: plan.doneReason, context: plan.context, metrics } }
}
