import type { Signal } from '@preact/signals'

/**
 * Takes files that are dropped anywhere: without it the browser would leave the page for one that misses the field. `isOver` is whether some
 * are being held over the page. Returns what ends it.
 */
export function listenForFiles(isOver: Signal<boolean>, take: (files: readonly File[]) => void): () => void {
  const ending = new AbortController()
  const listen = (type: 'dragover' | 'dragleave' | 'drop', listener: (event: DragEvent) => void) =>
    addEventListener(type, listener, { signal: ending.signal })
  listen('dragover', (event) => {
    if (!event.dataTransfer?.types.includes('Files')) return
    event.preventDefault()
    isOver.value = true
  })
  listen('dragleave', ({ relatedTarget }) => {
    if (relatedTarget === null) isOver.value = false
  })
  listen('drop', (event) => {
    const files = [...(event.dataTransfer?.files ?? [])]
    isOver.value = false
    if (files.length === 0) return
    event.preventDefault()
    take(files)
  })
  return () => ending.abort()
}
