import { batch, signal } from '@preact/signals'
import type { ReadonlySignal } from '@preact/signals'
import { toTrouble } from './ask.ts'
import type { Ask } from './ask.ts'
import type { Host } from './host.ts'
import { isKey } from './key.ts'
import type { Key } from './key.ts'
import type { Models } from './models.ts'
import type { ServerState } from './page-state.ts'

/**
 * What is known about the server. While the server does not answer, or has no models, it is asked
 * again from time to time.
 */
export interface Server {
  readonly state: ReadonlySignal<ServerState>
  /** Asks for the server's version and models. */
  look(): Promise<void>
  /** The server has just refused the key, or a request without one. */
  lock(): void
  setKey(key: string, isOnDevice: boolean): Promise<boolean>
  forgetKey(): void
}

const firstWaitMs = 2000
const longestWaitMs = 30_000

export function createServer({ host, ask, key, models }: { host: Host; ask: Ask; key: Key; models: Models }): Server {
  const state = signal<ServerState>({ how: 'starting' })
  let asking: { readonly key: string | undefined; readonly done: Promise<void> } | undefined
  let waitMs = firstWaitMs
  let timer: number | undefined

  const isWaiting = () => state.peek().how === 'unreachable' || state.peek().how === 'empty'
  const isSeen = () => host.document.visibilityState !== 'hidden'

  const enter = (next: ServerState) => {
    const wasWaiting = isWaiting()
    state.value = next
    host.clearTimeout(timer)
    if (!isWaiting()) return
    waitMs = wasWaiting ? Math.min(waitMs * 2, longestWaitMs) : firstWaitMs
    timer = host.setTimeout(lookAgain, waitMs)
  }

  /** A hidden page asks when it is visible again. */
  const lookAgain = () => {
    if (isWaiting() && isSeen()) void look()
  }

  const askAll = async (sent: string | undefined) => {
    const [version, tags, ps] = await Promise.all([ask('/api/version'), ask('/api/tags'), ask('/api/ps')])
    if (sent !== key.current()) return // the key has changed, and another request was sent with it
    const bad = [version, tags].find(({ isGood }) => !isGood)
    if (bad) {
      const trouble = toTrouble(bad, sent !== undefined)
      // A browser with six answers on their way sends nothing more to the same server, so a 408
      // says nothing about the server. Neither does a 429.
      const isBusy = bad.status === 408 || bad.status === 429
      if (!isBusy || state.peek().how !== 'ready') enter(trouble)
      return
    }
    batch(() => {
      models.take(tags.value, ps.value, tags.defaultModel)
      enter(models.all.peek().length > 0 ? toReady(version.value) : { how: 'empty' })
    })
  }

  const look = () => {
    const sent = key.current()
    if (asking && asking.key === sent) return asking.done
    const mine = { key: sent, done: askAll(sent).finally(() => asking === mine && (asking = undefined)) }
    asking = mine
    return mine.done
  }

  host.addEventListener('online', lookAgain)
  host.document.addEventListener('visibilitychange', lookAgain)

  return {
    state,
    look,
    lock: () => enter({ how: 'locked', isWrong: key.current() !== undefined }),
    async setKey(text, isOnDevice) {
      const answer = isKey(text) ? await ask('/api/tags', { key: text }) : undefined
      if (!answer || answer.status === 401) {
        // A mistyped key is no reason to lock a page that works.
        if (state.peek().how !== 'ready') enter({ how: 'locked', isWrong: true })
        return false
      }
      // Sluice looks at the key first. Any other answer of Sluice's own means that Sluice knows the
      // key.
      const isKnown = answer.isGood || (typeof answer.value.code === 'string' && answer.status !== 403)
      if (isKnown) key.keep(text, isOnDevice)
      await look()
      return isKnown
    },
    forgetKey() {
      key.forget()
      void look()
    },
  }
}

function toReady({ version }: Readonly<Record<string, unknown>>): ServerState {
  const text = typeof version === 'string' ? version : ''
  return { how: 'ready', version: text, isDemo: text.endsWith('-demo') }
}
