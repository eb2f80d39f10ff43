import { DurableObject, waitUntil } from 'cloudflare:workers'
import { createApp, type App } from '../../app.ts'
import type { KeyRing } from '../../middleware/key-ring.ts'
import type { Verdict } from '../../middleware/limits.ts'
import { hold } from '../../store/objects/object-limits.ts'
import { ignore } from '../../store/objects/storage.ts'
import { createRunStore, type RunStore } from '../../store/objects/run-store.ts'
import { toCaller, toDirectory } from './callers.ts'
import { placeHeader } from './namespaces.ts'
import { createObjectKeys } from './object-keys.ts'
import type { ObjectState } from './platform.ts'
import { toSite } from './site.ts'

/** The object of a run. The same app runs here as in the Worker, and keeps the one run. */
export class RunObject extends DurableObject {
  readonly #app: App
  readonly #keys: KeyRing | undefined
  readonly #store: RunStore
  readonly #state: ObjectState
  readonly #env: Record<string, unknown>
  /** The place of the run. The request that starts the run names it. */
  #place: string | undefined

  constructor(state: ObjectState, env: Record<string, unknown>) {
    super(state, env)
    this.#state = state
    this.#env = env
    const { config, parts, namespaces } = toSite(env)
    const { callers } = namespaces!
    this.#keys = parts.keys && createObjectKeys(parts.keys)
    const { runBytes, maxDetached, keepSeconds } = config.resume
    const now = () => performance.now()
    this.#store = createRunStore({
      id: state.id.toString(),
      storage: state.storage,
      toDirectory: (owner) => toDirectory(callers, owner),
      runBytes,
      maxDetached,
      keepMs: keepSeconds * 1000,
      now,
    })
    this.#app = createApp({
      ...parts,
      // The Worker has counted the request already.
      config: { ...config, perCaller: { ...config.perCaller, perMinute: 0 } },
      ...(this.#keys && { keys: this.#keys }),
      limits: {
        reserve: async (who, cost, quota): Promise<Verdict> => {
          // The Worker has not read the plan of the answer, so its tokens are reserved here.
          if (cost.tokens !== undefined) return parts.limits.reserve(who, cost, quota)
          const place = this.#place
          const counted = { refusedBy: undefined, left: {} }
          if (place === undefined) return { ...counted, settle() {} }
          return { ...counted, ...hold(await toCaller(callers, who), place, waitUntil) }
        },
      },
      logs: this.#store.logs,
      shared: this.#store.shared,
      now,
    })
  }

  async fetch(request: Request): Promise<Response> {
    this.#place ??= request.headers.get(placeHeader) ?? undefined
    const response = await this.#app.fetch(request, this.#env, {
      waitUntil: (promise) => this.#state.waitUntil(promise),
      passThroughOnException() {},
      props: {},
    })
    // Whoever has the head of a new run can also find it in a list. Nobody finds a stopped run.
    if (request.method !== 'GET') await this.#store.settled()
    return response
  }

  async alarm(): Promise<void> {
    // A run whose key was revoked ends, even if nobody asks for it.
    await Promise.resolve(this.#keys?.look()).catch(ignore)
    return this.#store.alarm()
  }
}
