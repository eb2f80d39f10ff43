import { batch, computed, signal } from '@preact/signals'
import type { ReadonlySignal } from '@preact/signals'
import type { Message } from '../chats/chat.ts'
import type { Host } from './host.ts'
import type { Key } from './key.ts'
import { startRun } from './run.ts'
import type { StartedRun } from './run.ts'

/**
 * The answers that are being written. A chat has one at most, but several chats may have one each.
 */
export interface Runs {
  readonly all: ReadonlySignal<ReadonlyMap<string, StartedRun>>
  readonly ids: ReadonlySignal<ReadonlySet<string>>
  /**
   * Asks for `answer`, which is empty or has its text so far. No other answer of the chat may be
   * running.
   */
  start(chatId: string, answer: Message, body: object): void
  /** Ends the chat's answer as stopped. The text that came is kept. */
  stop(chatId: string): void
  /** Ends the chat's answer, and keeps nothing of it. */
  drop(chatId: string): void
  /** Each running answer so far, with the fields of `more`. */
  toPartials(more: Pick<Message, 'end'>): [chatId: string, partial: Message][]
}

interface RunsOptions {
  readonly host: Host
  readonly key: Key
  readonly now: () => number
  /** Stores what an answer has so far. */
  readonly save: (chatId: string, partial: Message) => void
  /** Called when the answer has ended, whether it is whole or not. */
  readonly finish: (chatId: string, answer: Message) => void
}

const saveEveryMs = 500

export function createRuns({ host, key, now, save, finish }: RunsOptions): Runs {
  const all = signal<ReadonlyMap<string, StartedRun>>(new Map())

  const drop = (chatId: string) => {
    const rest = new Map(all.peek())
    rest.delete(chatId)
    all.value = rest
  }

  return {
    all,
    ids: computed(() => new Set(all.value.keys())),
    start(chatId, answer, body) {
      const isCurrent = () => all.peek().get(chatId) === started
      let hasNews = false
      let ticks = 0
      const tick = () => {
        // A dropped answer is no longer saved, because that would bring its chat back.
        if (!isCurrent()) return
        // An answer without news is saved once a second, because other tabs take a silent answer
        // for lost.
        if (hasNews || ticks++ % 2 === 1) save(chatId, started.toPartial())
        hasNews = false
        timer = host.setTimeout(tick, saveEveryMs)
      }
      let timer = host.setTimeout(tick, saveEveryMs)
      const started = startRun({ host, key, now, answer, body, onUpdate: () => (hasNews = true) })
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
    toPartials: (more) => [...all.peek()].map(([chatId, started]) => [chatId, { ...started.toPartial(), ...more }]),
  }
}
