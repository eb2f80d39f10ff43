import { toAnswer } from './answers.ts'
import type { Logprob, Delta, ToolCall } from './chunk.ts'
import { toQuestion, type CompletionRequest } from './completion-request.ts'
import type { Model } from './catalog.ts'
import { parseFaults } from './faults.ts'
import type { Options } from './options.ts'
import { toFormatted } from './schema-value.ts'
import { createRandom, toHash, type Random } from './seeded.ts'
import { toThinking } from './thinking.ts'
import { cutAtStop, cutTokens, shorten } from './tokens.ts'
import { toToolAnswer, toToolCall } from './tool-call.ts'

/** One line of the answer, and the number of tokens that a model would generate for it. */
interface Step {
  delta: Delta
  tokens: number
}

/**
 * The demo reads only this many characters at the end of the prompt. Ollama also cuts a prompt that
 * is longer than the model's context.
 */
const maxPromptChars = 16_384
/**
 * The demo looks for the topic only in this many characters of a message, because a message may
 * have megabytes.
 */
const maxQuestionChars = 4096
const vocabularySize = 49_152

export type Plan = ReturnType<typeof createPlan>

/**
 * Plans the whole answer before its first token is sent. The plan does not contain the times of the
 * tokens. The same seed and request result in the same plan. `stop` and `num_predict` only shorten
 * the plan.
 */
export function createPlan(request: CompletionRequest, options: Options, model: Model) {
  const random = createRandom(toSeed(request, options, model))
  const prompt = request.messages.map(({ content }) => content).join('\n')
  const promptTokens = cutTokens(prompt.slice(-maxPromptChars), createRandom(''))
  const { steps, doneReason } = limit(toSteps(request, options, model, random), options.num_predict ?? -1)
  const allTokens = [...promptTokens, ...steps.map(({ delta }) => delta.thinking ?? delta.text)]
  return {
    steps,
    doneReason,
    promptCount: Math.max(1, request.context.length + promptTokens.length),
    /**
     * The token numbers of the prompt and of the whole answer, for the last line of
     * `/api/generate`. Undefined for a `raw` prompt.
     */
    context: request.raw ? undefined : [...request.context, ...allTokens.map((token) => toHash(token) % vocabularySize)],
    faults: parseFaults(toQuestion(request.messages)),
    random,
  }
}

/**
 * Returns the seed of the answer. With a temperature of 0, the answer is always the same. Otherwise
 * a negative seed, which is Ollama's default, makes the answer random.
 */
function toSeed({ messages, format, think, tools }: CompletionRequest, options: Options, model: Model): string {
  const seed = options.temperature === 0 ? 0 : (options.seed ?? -1)
  return seed < 0 ? String(Math.random()) : JSON.stringify([seed, model.name, messages, format, think, tools])
}

function toSteps(request: CompletionRequest, { stop = [] }: Options, model: Model, random: Random): Step[] {
  const thinking = toThinking(request, model, random)
  const { text, toolCall } = toReply(request, random)
  const thought = cutAtStop(cutTokens(thinking, random), stop)
  const spoken = cutAtStop(cutTokens(text, random), stop)
  const { topLogprobs: top } = request
  const toStep = (token: string, delta: Delta): Step => {
    return { delta: top === undefined ? delta : { ...delta, logprobs: toLogprobs(token, top, random) }, tokens: 1 }
  }

  const steps = thought.tokens.map((token) => toStep(token, { text: '', thinking: token }))
  if (thought.stopped) return steps
  for (const token of spoken.tokens) steps.push(toStep(token, { text: token }))
  if (toolCall) {
    // Ollama sends nothing while the model writes a tool call. Then it sends the whole call
    // (docs/ollama.md#1-stream).
    const tokens = cutTokens(JSON.stringify(toolCall.function), random).length
    steps.push({ delta: { text: '', toolCalls: [toolCall] }, tokens })
  }
  return steps
}

function toReply({ messages, tools, format }: CompletionRequest, random: Random): { text: string; toolCall?: ToolCall } {
  const question = shorten(toQuestion(messages), maxQuestionChars)
  if (messages.at(-1)?.role === 'tool') return { text: toToolAnswer(messages, question, random) }
  if (tools.length > 0) return { text: '', toolCall: toToolCall(tools, question, random) }
  if (format !== undefined) return { text: toFormatted(format, question, random) }
  return { text: toAnswer(question, random) }
}

function limit(steps: Step[], maxTokens: number): { steps: Step[]; doneReason: 'stop' | 'length' } {
  if (maxTokens <= 0) return { steps, doneReason: 'stop' }
  let remaining = maxTokens
  const fitting = steps.filter((step) => (remaining -= step.tokens) >= 0)
  return { steps: fitting, doneReason: remaining <= 0 ? 'length' : 'stop' }
}

const alternatives = ' the| a| to| of| and| is| in| it| you| that| for| on| with| as| this| be| are| at| or| by'.split('|')

/**
 * Makes up the log probability of the chosen token. `top_logprobs` lists the `top` likeliest
 * tokens, the chosen one first (captures/generate-logprobs).
 */
function toLogprobs(chosen: string, top: number, random: Random): Logprob[] {
  let logprob = -random() * 1.5
  const toLogprob = (token: string) => ({ token, logprob, bytes: Array.from(new TextEncoder().encode(token)) })
  const first = toLogprob(chosen)
  if (top === 0) return [first]
  const others = alternatives.filter((other) => other !== chosen).slice(0, top - 1)
  const rest = others.map((other) => {
    logprob -= random()
    return toLogprob(other)
  })
  return [{ ...first, top_logprobs: [first, ...rest] }]
}
