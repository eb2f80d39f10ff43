import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The wall clock of one process, which a test can set. The monotonic clock is not changed. */
export interface WallClock {
  /** The variables that the process must start with. */
  readonly env: Readonly<Record<string, string>>
  /** Sets the clock this many seconds from the real time. */
  set(offsetSeconds: number): void
  remove(): void
}

const library = fileURLToPath(new URL('../../node_modules/.cache/machine/libfaketime.so.1', import.meta.url))

/** Uses libfaketime, which reads its offset from a file at each call. */
export function createWallClock(): WallClock {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-clock-'))
  const file = join(folder, 'offset')
  const set = (offsetSeconds: number) => writeFileSync(file, `${offsetSeconds < 0 ? '' : '+'}${offsetSeconds}`)
  set(0)
  return {
    env: { LD_PRELOAD: library, FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: '1', DONT_FAKE_MONOTONIC: '1' },
    set,
    remove: () => rmSync(folder, { recursive: true }),
  }
}
