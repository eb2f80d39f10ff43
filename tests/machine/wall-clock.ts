import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The clock on the wall of one process, which jumps when a test says so; what counts how time passes stays as it is. */
export interface WallClock {
  /** What the process must be started with. */
  readonly env: Readonly<Record<string, string>>
  /** Sets it, in seconds from what it would be. */
  set(offsetSeconds: number): void
  remove(): void
}

const library = fileURLToPath(new URL('../../node_modules/.cache/machine/libfaketime.so.1', import.meta.url))

/** By libfaketime, which reads its offset from a file each time that it is asked. */
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
