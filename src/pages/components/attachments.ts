import { signal } from '@preact/signals'
import type { ReadonlySignal } from '@preact/signals'
import { maxImages, toImage } from '../state/images.ts'
import { formatNumber } from '../words/format.ts'
import { words } from '../words/words.ts'

/** Images that go with the next message. */
export interface Attachments {
  readonly images: ReadonlySignal<readonly string[]>
  /** Why one was not taken, in words. */
  readonly problem: ReadonlySignal<string | undefined>
  add(files: readonly Blob[]): Promise<void>
  remove(index: number): void
  clear(): void
}

export function createAttachments(): Attachments {
  const images = signal<readonly string[]>([])
  const problem = signal<string | undefined>(undefined)
  const keep = (next: readonly string[]) => {
    images.value = next
    problem.value = undefined
  }
  return {
    images,
    problem,
    async add(files) {
      const made = await Promise.all(files.map(toImage))
      const all = [...images.peek(), ...made.filter((image) => image !== undefined)]
      keep(all.slice(0, maxImages))
      if (made.includes(undefined)) problem.value = words.peek().badImage
      else if (all.length > maxImages) problem.value = words.peek().manyImages(formatNumber(maxImages, words.peek()))
    },
    remove: (index) => keep(images.peek().filter((_, other) => other !== index)),
    clear: () => keep([]),
  }
}
