import { batch, signal } from '@preact/signals'
import type { AnswerStream, End, Message, ToolCall, Usage } from '../chats/chat.ts'
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
  /** Call this when the connection broke and is being made again, and when it works again. */
  setReconnecting(isReconnecting: boolean): void
  /** Call this when the server has accepted a request whose answer can be read at this address. */
  accept(address: string): void
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
 * continued. If it has a stream, that stream is read from its beginning. Until the reader has come
 * as far as `message`, the text of `message` stays. `now` is `Date.now`.
 */
export function createWriting(host: Host, message: Message, now: () => number): Writing {
  const clock = () => host.performance.now()
  const before = message.stream?.before ?? message
  const startedAt = clock() - (message.stream ? Math.max(0, now() - before.updatedAt) : 0)
  const phase = signal<Phase>('connecting')
  const phaseSince = signal(startedAt)
  const reconnectingSince = signal<number | undefined>(undefined)
  const text = signal(message.text)
  const thinking = signal(message.thinking ?? '')
  const firstTokenMs = signal(message.stream && message.usage?.firstTokenMs)
  const knownTokens = (message.usage?.tokens ?? 0) - (before.usage?.tokens ?? 0)
  const tokens = signal(knownTokens)
  const tokensPerSecond = signal<number | undefined>(undefined)

  const { end: _, ...unended } = message
  let { stream, acceptedAt, model } = message
  let fullText = before.text
  let fullThinking = before.thinking ?? ''
  let thinkingMs = message.thinkingMs ?? 0
  let thinkingSince: number | undefined
  let toolCalls = before.toolCalls ?? []
  let count = 0
  let lastTokenAt = startedAt

  const toSpeed = () => {
    const ms = lastTokenAt - startedAt - (firstTokenMs.peek() ?? 0)
    return count > 1 && ms > 0 ? ((count - 1) * 1000) / ms : undefined
  }
  const requestPaint = createFrames(host, () =>
    batch(() => {
      text.value = toLonger(fullText, message.text)
      thinking.value = toLonger(fullThinking, message.thinking)
      tokens.value = Math.max(count, knownTokens)
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
    const all = (before.usage?.tokens ?? 0) + (figures.tokens ?? Math.max(count, knownTokens))
    if (all === 0) return undefined
    return withoutUndefined({
      promptTokens: figures.promptTokens ?? message.usage?.promptTokens,
      tokens: all,
      firstTokenMs: firstTokenMs.peek() ?? message.usage?.firstTokenMs,
      tokensPerSecond: figures.tokensPerSecond ?? toSpeed() ?? message.usage?.tokensPerSecond,
    })
  }
  const toMessage = (more: { stream: AnswerStream | undefined; end?: End; usage: Usage | undefined }): Message => {
    const whileThinking = thinkingSince === undefined ? 0 : clock() - thinkingSince
    const thoughts = toLonger(fullThinking, message.thinking)
    const calls = toLonger(toolCalls, message.toolCalls)
    return withoutUndefined({
      ...unended,
      updatedAt: now(),
      acceptedAt,
      text: toLonger(fullText, message.text),
      model,
      thinking: thoughts || undefined,
      thinkingMs: thoughts ? Math.round(thinkingMs + whileThinking) : undefined,
      toolCalls: calls.length > 0 ? calls : undefined,
      ...more,
    })
  }

  return {
    run: {
      answerId: message.id,
      phase,
      phaseSince,
      reconnectingSince,
      startedAt,
      text,
      thinking,
      firstTokenMs,
      tokens,
      tokensPerSecond,
    },
    enter,
    setReconnecting: (isReconnecting) => {
      if (isReconnecting) reconnectingSince.value ??= clock()
      else reconnectingSince.value = undefined
    },
    accept(address) {
      const { end: _, stream: __, ...before } = message
      stream = { address, before }
      acceptedAt = now()
    },
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
    toPartial: () => toMessage({ stream, usage: toUsage() }),
    finish: (end, figures) => toMessage({ stream: undefined, end, usage: toUsage(figures) }),
  }
}

function toLonger<T extends { readonly length: number }>(read: T, known = read): T {
  return read.length < known.length ? known : read
}
