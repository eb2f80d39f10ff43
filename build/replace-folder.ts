import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { writeAtomically } from './write-atomically.ts'

interface Folder {
  readonly folder: string
  /** The contents by their absolute paths. */
  readonly files: ReadonlyMap<string, string | Uint8Array>
  /** The file with the stamp. It is written when all others are there. */
  readonly last: string
}

/** Writes the files, and removes all others. The name of a file may change with its content. */
export async function replaceFolder({ folder, files, last }: Folder): Promise<void> {
  const others = [...files.keys()].filter((path) => path !== last)
  for (const path of [...others, last]) await writeAtomically(path, files.get(path)!)
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile() && !files.has(path)) await rm(path, { force: true })
  }
}
