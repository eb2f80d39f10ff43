import type { RunDirectory, RunEntry } from './run-directory.ts'
import type { ObjectStorage } from './storage.ts'

export interface RunReporterOptions {
  /** The id of the run. */
  id: string
  storage: Pick<ObjectStorage, 'sync'>
  /** Returns the list in which the runs of the owner are found. */
  toDirectory(): Promise<RunDirectory>
  /** Returns what the list has to know of the run. Undefined if the run is erased. */
  toEntry(): RunEntry | undefined
  /** How many detached and background runs a caller may have. */
  maxDetached: number
  /** Called if the run is one without a reader too many. */
  onTooMany(): void
  /** Called if the list could not be reached. */
  onFailed(): void
}

/** Tells the list of the owner's runs what has changed in the run of an object. */
export interface RunReporter {
  /** Call this when something may have changed. Changes of one turn are reported together. */
  report(): void
  /** Resolves when the list knows everything, or could not be reached. */
  settled(): Promise<void>
}

export function createRunReporter(options: RunReporterOptions): RunReporter {
  const { id, storage, toDirectory, toEntry, maxDetached, onTooMany, onFailed } = options
  let reporting: Promise<void> | undefined
  /** What the list knows. Undefined if that is not known. */
  let reported: string | undefined

  async function reportAll() {
    await Promise.resolve()
    try {
      for (;;) {
        const entry = toEntry()
        const state = JSON.stringify(entry ?? null)
        if (state === reported) break
        // If the object dies before it has stored the run, nobody takes the run from the list
        // again.
        await storage.sync()
        const directory = await toDirectory()
        if (!entry) await directory.forget(id)
        else if (!(await directory.set(entry, maxDetached))) onTooMany()
        reported = state
      }
    } catch {
      onFailed()
    }
    reporting = undefined
  }

  return {
    report() {
      reporting ??= reportAll()
    },
    async settled() {
      await reporting
    },
  }
}
