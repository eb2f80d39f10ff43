import type { Logprob } from './chunk.ts'
import type { Random } from './seeded.ts'

const alternatives = ' the| a| to| of| and| is| in| it| you| that| for| on| with| as| this| be| are| at| or| by'.split('|')

function toLogprob(token: string, logprob: number) {
  return { token, logprob, bytes: Array.from(new TextEncoder().encode(token)) }
}

/** A made-up log probability, and as many alternatives as were asked for, likeliest first (captures/generate-logprobs). */
export function toLogprobs(token: string, top: number, random: Random): Logprob[] {
  let logprob = -random() * 1.5
  const said = toLogprob(token, logprob)
  if (top === 0) return [said]
  const others = alternatives.filter((other) => other !== token).slice(0, top - 1)
  const topLogprobs = others.map((other) => toLogprob(other, (logprob -= random())))
  return [{ ...said, top_logprobs: [said, ...topLogprobs] }]
}
