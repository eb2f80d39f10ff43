import { signal } from '@preact/signals'
import type { ReadonlySignal } from '@preact/signals'
import { maxImages, toImage } from '../state/images.ts'
import { formatNumber } from '../words/format.ts'
import { words } from '../words/words.ts'

/** The images to send with the next message. */
export interface Attachments {
  readonly images: ReadonlySignal<readonly string[]>
  /** Why an image was not accepted, in words for the user. */
  readonly problem: ReadonlySignal<string | undefined>
  /** How many images are still being prepared. */
  readonly pending: ReadonlySignal<number>
  add(files: readonly Blob[]): Promise<void>
  remove(index: number): void
  clear(): void
}

export function createAttachments(): Attachments {
  const images = signal<readonly string[]>([])
  const problem = signal<string | undefined>(undefined)
  const pending = signal(0)
  /**
   * Images are prepared one after the other. This limits the memory, because making a photo smaller
   * takes 50 MB. It also keeps the images in the user's order.
   */
  let made = Promise.resolve()
  const setImages = (next: readonly string[]) => {
    images.value = next
    problem.value = undefined
  }
  const addAll = async (files: readonly Blob[]) => {
    problem.value = undefined
    for (const file of files) {
      if (images.peek().length === maxImages)
        return void (problem.value = words.peek().manyImages(formatNumber(maxImages, words.peek())))
      const image = await toImage(file)
      if (image === undefined) problem.value = words.peek().badImage
      else images.value = [...images.peek(), image]
    }
  }
  return {
    images,
    problem,
    pending,
    add(files) {
      pending.value += 1
      return (made = made.then(() => addAll(files)).finally(() => (pending.value -= 1)))
    },
    remove: (index) => setImages(images.peek().filter((_, other) => other !== index)),
    clear: () => setImages([]),
  }
}
