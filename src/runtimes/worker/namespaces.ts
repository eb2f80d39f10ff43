import type { RunDirectory } from '../../store/objects/run-directory.ts'
import type { StoredLimits } from '../../store/objects/stored-limits.ts'
import type { ObjectNamespace } from './platform.ts'

/** The object of a run, as others see it. */
export interface RunStub {
  fetch(request: Request): Promise<Response>
}

/** The header in which the Worker names the place of a new run among the answers of its caller. */
export const placeHeader = 'x-sluice-place'

/** The object of a caller, as others see it. */
export type Caller = RunDirectory & StoredLimits

export interface Namespaces {
  readonly runs: ObjectNamespace<RunStub>
  readonly callers: ObjectNamespace<Caller>
}

/** Returns the Durable Objects, if they are bound as RUNS and CALLERS (wrangler.toml). */
export function toNamespaces({ RUNS, CALLERS }: Record<string, unknown>): Namespaces | undefined {
  return isNamespace<RunStub>(RUNS) && isNamespace<Caller>(CALLERS) ? { runs: RUNS, callers: CALLERS } : undefined
}

function isNamespace<Stub>(value: unknown): value is ObjectNamespace<Stub> {
  return typeof value === 'object' && value !== null && 'newUniqueId' in value
}
