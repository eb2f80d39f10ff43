import { batch, computed, signal } from '@preact/signals'
import type { ReadonlySignal } from '@preact/signals'
import type { Message } from '../chats/chat.ts'
import type { Host } from './host.ts'
import type { Key } from './key.ts'
import { startRun } from './run.ts'
import type { StartedRun } from './run.ts'

/** The answers that are being written, at most one per chat. */
export interface Runs {
  readonly all: ReadonlySignal<ReadonlyMap<string, StartedRun>>
  readonly ids: ReadonlySignal<ReadonlySet<string>>
  /**
   * Requests `answer`, which is empty or contains the text so far. If it has a stream, nothing is
   * requested, and that stream is read. No other answer of the chat may be running.
   */
  start(chatId: string, answer: Message, body?: object): void
  /** Ends the chat's answer as stopped. The text so far is kept. */
  stop(chatId: string): void
  /** Ends the chat's answer, and keeps none of it. */
  drop(chatId: string): void
  /** Returns the partial message of each running answer. */
  toPartials(): [chatId: string, partial: Message][]
}

interface RunsOptions {
  /** The path in front of the server's routes. */
  readonly base: string
  readonly host: Host
  readonly key: Key
  readonly now: () => number
  /** Called when an answer can be resumed from now on. */
  readonly accept: (chatId: string, partial: Message) => void
  /** Stores a partial answer. */
  readonly save: (chatId: string, partial: Message) => void
  /** Called when an answer has ended, whether it is complete or not. */
  readonly finish: (chatId: string, answer: Message) => void
}

const saveEveryMs = 500

export function createRuns({ base, host, key, now, accept, save, finish }: RunsOptions): Runs {
  const all = signal<ReadonlyMap<string, StartedRun>>(new Map())

  const drop = (chatId: string) => {
    const rest = new Map(all.peek())
    rest.delete(chatId)
    all.value = rest
  }

  return {
    all,
    ids: computed(() => new Set(all.value.keys())),
    start(chatId, answer, body = {}) {
      const isCurrent = () => all.peek().get(chatId) === started
      let hasNews = false
      let ticks = 0
      const tick = () => {
        // A dropped answer is not saved any more, because that would restore its chat.
        if (!isCurrent()) return
        // An answer without new text is saved once a second. Otherwise other tabs would assume that
        // it is interrupted.
        if (hasNews || ticks++ % 2 === 1) save(chatId, started.toPartial())
        hasNews = false
        timer = host.setTimeout(tick, saveEveryMs)
      }
      let timer = host.setTimeout(tick, saveEveryMs)
      const started = startRun({
        base,
        host,
        key,
        now,
        answer,
        body,
        onAccepted: () => isCurrent() && accept(chatId, started.toPartial()),
        onUpdate: () => (hasNews = true),
      })
      all.value = new Map(all.peek()).set(chatId, started)
      void started.ended.then((message) => {
        host.clearTimeout(timer)
        if (!isCurrent()) return
        batch(() => {
          drop(chatId)
          finish(chatId, message)
        })
      })
    },
    stop: (chatId) => all.peek().get(chatId)?.stop(),
    drop(chatId) {
      all.peek().get(chatId)?.stop()
      drop(chatId)
    },
    toPartials: () => [...all.peek()].map(([chatId, started]) => [chatId, started.toPartial()]),
  }
}
