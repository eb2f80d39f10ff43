import { DurableObject } from 'cloudflare:workers'
import type { Cost, Quota } from '../../middleware/limits.ts'
import { createRunDirectory, type RunEntry, type StoredRunDirectory } from '../../store/objects/run-directory.ts'
import { ignore, unconfirmed, type ObjectStorage } from '../../store/objects/storage.ts'
import { createStoredLimits, type PlainVerdict, type SweptLimits } from '../../store/objects/stored-limits.ts'
import type { Caller } from './namespaces.ts'
import type { ObjectState } from './platform.ts'

/** How often an object with values looks whether it still needs them, in milliseconds. */
const sweepMs = 600_000

/** The object of a caller. It has the list of the caller's runs, and the caller's limits. */
export class CallerObject extends DurableObject implements Caller {
  readonly #directory: StoredRunDirectory
  readonly #limits: SweptLimits
  readonly #storage: ObjectStorage
  #hasAlarm = false

  constructor(state: ObjectState, env: Record<string, unknown>) {
    super(state, env)
    const { storage } = state
    this.#storage = storage
    this.#directory = createRunDirectory({ storage, now: Date.now })
    this.#limits = createStoredLimits({ storage, now: Date.now })
  }

  set(entry: RunEntry, maxDetached: number): Promise<boolean> {
    this.#setAlarm()
    return this.#directory.set(entry, maxDetached)
  }

  forget(id: string): Promise<void> {
    return this.#directory.forget(id)
  }

  list(): Promise<RunEntry[]> {
    return this.#directory.list()
  }

  reserve(id: string, cost: Cost, quota: Quota): Promise<PlainVerdict> {
    this.#setAlarm()
    return this.#limits.reserve(id, cost, quota)
  }

  settle(id: string, tokens: number | undefined): Promise<void> {
    return this.#limits.settle(id, tokens)
  }

  renew(id: string): Promise<void> {
    return this.#limits.renew(id)
  }

  async alarm(): Promise<void> {
    this.#hasAlarm = false
    const hasNoRun = await this.#directory.sweep()
    const hasAll = await this.#limits.sweep()
    if (hasNoRun && hasAll) await this.#storage.deleteAll()
    else this.#setAlarm()
  }

  #setAlarm() {
    if (this.#hasAlarm) return
    this.#hasAlarm = true
    this.#storage.setAlarm(Date.now() + sweepMs, unconfirmed).catch(ignore)
  }
}
