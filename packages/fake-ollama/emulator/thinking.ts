import { toQuestion, type CompletionRequest } from './completion-request.ts'
import type { Model } from './catalog.ts'
import { shorten } from './tokens.ts'
import { pick, type Random } from './seeded.ts'

/**
 * Makes the thoughts of the thinking model. It thinks unless `think` is false, and a higher level
 * makes the thoughts longer (docs/ollama.md#1-stream).
 */
export function toThinking({ think, messages }: CompletionRequest, model: Model, random: Random): string {
  if (!model.capabilities.includes('thinking') || think === false) return ''
  const question = `“${shorten(toQuestion(messages).trim(), 80)}”.`
  const noticed = pick(random, [`The user writes: ${question}`, `I am asked: ${question}`, `So the question is ${question}`])
  if (think === 'low') return noticed
  const plan = `${noticed} I am a demo and cannot really think, so I look for a word that I know and take the text that belongs to it.`
  if (think !== 'high' && think !== 'max') return plan
  return `${plan}\n\nWait, is there a better text? I compare the ones I have, find none, and stay with my choice. It should be short and true.`
}
