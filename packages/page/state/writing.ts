import { batch, signal } from '@preact/signals'
import type { End, Message, ToolCall, Usage } from '../chats/chat.ts'
import { withoutUndefined } from '../chats/without-undefined.ts'
import { createFrames } from './frames.ts'
import type { Host } from './host.ts'
import type { Phase, Run } from './page-state.ts'

/** The figures that Ollama reports for an answer. */
export interface Figures {
  readonly promptTokens?: number | undefined
  readonly tokens?: number | undefined
  readonly tokensPerSecond?: number | undefined
}

/** An answer while it arrives: the state that the page shows, and the message that is stored. */
export interface Writing {
  readonly run: Run
  enter(phase: Phase): void
  addThinking(text: string): void
  addText(text: string): void
  addToolCall(call: ToolCall): void
  setModel(name: string): void
  /** The message so far. */
  toPartial(): Message
  /** Ends the answer and returns the complete message. */
  finish(end: End, figures?: Figures): Message
}

/**
 * Creates the state of an answer. `message` is empty, or has the text so far if an answer is
 * continued. `now` is `Date.now`.
 */
export function createWriting(host: Host, message: Message, now: () => number): Writing {
  const clock = () => host.performance.now()
  const startedAt = clock()
  const phase = signal<Phase>('connecting')
  const phaseSince = signal(startedAt)
  const text = signal(message.text)
  const thinking = signal(message.thinking ?? '')
  const firstTokenMs = signal<number | undefined>(undefined)
  const tokens = signal(0)
  const tokensPerSecond = signal<number | undefined>(undefined)

  const { end: _, ...unended } = message
  let fullText = text.value
  let fullThinking = thinking.value
  let thinkingMs = message.thinkingMs ?? 0
  let thinkingSince: number | undefined
  let toolCalls = message.toolCalls ?? []
  let model = message.model
  let count = 0
  let lastTokenAt = startedAt

  const toSpeed = () => {
    const ms = lastTokenAt - startedAt - (firstTokenMs.peek() ?? 0)
    return count > 1 && ms > 0 ? ((count - 1) * 1000) / ms : undefined
  }
  const requestPaint = createFrames(host, () =>
    batch(() => {
      text.value = fullText
      thinking.value = fullThinking
      tokens.value = count
      tokensPerSecond.value = toSpeed()
    }),
  )

  const enter = (next: Phase) => {
    if (phase.peek() === next || phase.peek() === 'stopping') return
    batch(() => {
      phase.value = next
      phaseSince.value = clock()
    })
  }
  const countToken = () => {
    count++
    lastTokenAt = clock()
    firstTokenMs.value ??= lastTokenAt - startedAt
    requestPaint()
  }
  const endThinking = () => {
    if (thinkingSince !== undefined) thinkingMs += clock() - thinkingSince
    thinkingSince = undefined
  }

  const toUsage = (figures: Figures = {}): Usage | undefined => {
    const all = (message.usage?.tokens ?? 0) + (figures.tokens ?? count)
    if (all === 0) return undefined
    return withoutUndefined({
      promptTokens: figures.promptTokens ?? message.usage?.promptTokens,
      tokens: all,
      firstTokenMs: firstTokenMs.peek() ?? message.usage?.firstTokenMs,
      tokensPerSecond: figures.tokensPerSecond ?? toSpeed() ?? message.usage?.tokensPerSecond,
    })
  }
  const toMessage = (more: { end?: End; usage?: Usage | undefined }): Message => {
    const whileThinking = thinkingSince === undefined ? 0 : clock() - thinkingSince
    return withoutUndefined({
      ...unended,
      updatedAt: now(),
      text: fullText,
      model,
      thinking: fullThinking || undefined,
      thinkingMs: fullThinking ? Math.round(thinkingMs + whileThinking) : undefined,
      toolCalls: toolCalls.length > 0 ? toolCalls : undefined,
      ...more,
    })
  }

  return {
    run: { answerId: message.id, phase, phaseSince, startedAt, text, thinking, firstTokenMs, tokens, tokensPerSecond },
    enter,
    addThinking(piece) {
      thinkingSince ??= clock()
      fullThinking += piece
      enter('thinking')
      countToken()
    },
    addText(piece) {
      endThinking()
      fullText += piece
      enter('writing')
      countToken()
    },
    addToolCall(call) {
      endThinking()
      toolCalls = [...toolCalls, call]
      enter('writing')
      countToken()
    },
    setModel: (name) => void (model = name),
    toPartial: () => toMessage({ usage: toUsage() }),
    finish: (end, figures) => toMessage({ end, usage: toUsage(figures) }),
  }
}
