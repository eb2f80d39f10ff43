import type { Signal } from '@preact/signals'

/**
 * Accepts files that are dropped anywhere on the page. Otherwise the browser would leave the page
 * to open a file that is dropped beside the field. `isOver` is true while files are dragged over
 * the page.
 */
export function listenForFiles(isOver: Signal<boolean>, onFiles: (files: readonly File[]) => void): void {
  addEventListener('dragover', (event) => {
    if (!event.dataTransfer?.types.includes('Files')) return
    event.preventDefault()
    isOver.value = true
  })
  addEventListener('dragleave', ({ relatedTarget }) => {
    if (relatedTarget === null) isOver.value = false
  })
  addEventListener('drop', (event) => {
    const files = [...(event.dataTransfer?.files ?? [])]
    isOver.value = false
    if (files.length === 0) return
    event.preventDefault()
    onFiles(files)
  })
}
