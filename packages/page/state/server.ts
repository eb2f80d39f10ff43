import { batch, signal } from '@preact/signals'
import type { ReadonlySignal } from '@preact/signals'
import { toServerState } from './ask.ts'
import type { Ask } from './ask.ts'
import type { Host } from './host.ts'
import { isKey } from './key.ts'
import type { Key } from './key.ts'
import type { Models } from './models.ts'
import type { ServerState } from './page-state.ts'

/**
 * What is known about the server. While the server does not answer or has no models, it is queried
 * again from time to time.
 */
export interface Server {
  readonly state: ReadonlySignal<ServerState>
  /** Requests the server's version and models. */
  check(): Promise<void>
  /** Call this when the server has rejected a request because its key is wrong or missing. */
  lock(): void
  setKey(key: string, isOnDevice: boolean): Promise<boolean>
  forgetKey(): void
}

const firstWaitMs = 2000
const longestWaitMs = 30_000

export function createServer({ host, ask, key, models }: { host: Host; ask: Ask; key: Key; models: Models }): Server {
  const state = signal<ServerState>({ kind: 'starting' })
  let asking: { readonly key: string | undefined; readonly done: Promise<void> } | undefined
  let waitMs = firstWaitMs
  let timer: number | undefined

  const isWaiting = () => state.peek().kind === 'unreachable' || state.peek().kind === 'empty'
  const isVisible = () => host.document.visibilityState !== 'hidden'

  const enter = (next: ServerState) => {
    const wasWaiting = isWaiting()
    state.value = next
    host.clearTimeout(timer)
    if (!isWaiting()) return
    waitMs = wasWaiting ? Math.min(waitMs * 2, longestWaitMs) : firstWaitMs
    timer = host.setTimeout(recheck, waitMs)
  }

  /**
   * Checks again, but not while the page is hidden. A hidden page checks when it becomes visible.
   */
  const recheck = () => {
    if (isWaiting() && isVisible()) void check()
  }

  const askAll = async (sent: string | undefined) => {
    const [version, tags, ps] = await Promise.all([ask('/api/version'), ask('/api/tags'), ask('/api/ps')])
    if (sent !== key.current()) return // another request was sent with the new key
    const bad = [version, tags].find(({ isGood }) => !isGood)
    if (bad) {
      const trouble = toServerState(bad, sent !== undefined)
      // While six answers are being streamed, a browser sends no more requests to the same server.
      // The requests of this check then time out (408), although the server works. A 429 does not
      // show that the server is down either.
      const isBusy = bad.status === 408 || bad.status === 429
      if (!isBusy || state.peek().kind !== 'ready') enter(trouble)
      return
    }
    batch(() => {
      models.update(tags.value, ps.value, tags.defaultModel)
      enter(models.all.peek().length > 0 ? toReady(version.value) : { kind: 'empty' })
    })
  }

  const check = () => {
    const sent = key.current()
    if (asking && asking.key === sent) return asking.done
    const request = { key: sent, done: askAll(sent).finally(() => asking === request && (asking = undefined)) }
    asking = request
    return request.done
  }

  host.addEventListener('online', recheck)
  host.document.addEventListener('visibilitychange', recheck)

  return {
    state,
    check,
    lock: () => enter({ kind: 'locked', isWrong: key.current() !== undefined }),
    async setKey(text, isOnDevice) {
      const answer = isKey(text) ? await ask('/api/tags', { key: text }) : undefined
      if (!answer || answer.status === 401) {
        // If the page already works, a mistyped key does not lock it.
        if (state.peek().kind !== 'ready') enter({ kind: 'locked', isWrong: true })
        return false
      }
      // Sluice answers 401 if the key is wrong. So any other answer of Sluice means that the key is
      // valid, except a 403, which Sluice can send before it checks the key.
      const isKnown = answer.isGood || (typeof answer.value.code === 'string' && answer.status !== 403)
      if (isKnown) key.set(text, isOnDevice)
      await check()
      return isKnown
    },
    forgetKey() {
      key.forget()
      void check()
    },
  }
}

function toReady({ version }: Readonly<Record<string, unknown>>): ServerState {
  const text = typeof version === 'string' ? version : ''
  return { kind: 'ready', version: text, isDemo: text.endsWith('-demo') }
}
