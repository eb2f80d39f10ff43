/** What was measured in a page while it received an answer of `toLongAnswer`. */
export interface Watched {
  /**
   * Milliseconds from the arrival of bytes in the page until their last word is in the document.
   * The next paint shows the word.
   */
  readonly delaysMs: number[]
  /** For each delay in `delaysMs`, the number of animation frames that began during the delay. */
  readonly delaysFrames: number[]
  /** The times between consecutive animation frames, in milliseconds. */
  readonly framesMs: number[]
  /** The durations of tasks over 50 ms, in milliseconds. */
  readonly longTasksMs: number[]
  /**
   * The number of changes to finished blocks. A block is finished when at least two blocks come
   * after it. Changes to code blocks are not counted, because the page may highlight them later.
   */
  closedChanges: number
}

/**
 * Runs in the page before the page's own code, and stores its measurements in the global `watched`.
 * It is sent to the page as text, so it must not use anything outside of this function.
 */
export function watchPage(): void {
  const watched: Watched = { delaysMs: [], delaysFrames: [], framesMs: [], longTasksMs: [], closedChanges: 0 }
  Object.assign(globalThis, { watched })
  let frame = 0
  let frameAt = performance.now()
  const onFrame = (): void => {
    const now = performance.now()
    watched.framesMs.push(now - frameAt)
    frame += 1
    frameAt = now
    requestAnimationFrame(onFrame)
  }
  requestAnimationFrame(onFrame)
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) watched.longTasksMs.push(duration)
  }).observe({ type: 'longtask' })

  const toLastWord = (text: string): number => {
    const end = text.lastIndexOf('x')
    return Number(/w(\d+)x(?!.*w\d+x)/s.exec(text.slice(Math.max(0, end - 2000)))?.[1] ?? -1)
  }
  const arrived: { word: number; at: number; frame: number }[] = []
  const decoder = new TextDecoder()
  const { prototype } = ReadableStreamDefaultReader
  const read = prototype.read
  prototype.read = function (this: ReadableStreamDefaultReader<unknown>) {
    const reading = read.call(this)
    void reading.then(
      ({ value }) => {
        const word = value instanceof Uint8Array ? toLastWord(decoder.decode(value)) : -1
        if (word >= 0) arrived.push({ word, at: performance.now(), frame })
      },
      () => {},
    )
    return reading
  }

  /** The blocks that had at least two blocks after them at the last check. */
  const closed = new WeakSet<Node>()
  const noteClosed = (): void => {
    let block = [...document.querySelectorAll('.prose')].at(-1)?.lastElementChild?.previousElementSibling
      ?.previousElementSibling
    for (; block && !closed.has(block); block = block.previousElementSibling) if (!block.matches('.code')) closed.add(block)
  }
  const isInClosed = (node: Node): boolean => {
    const element = node instanceof Element ? node : node.parentElement
    const block = element?.closest('.prose > *')
    return block instanceof Element && closed.has(block)
  }
  let seen = -1
  new MutationObserver((records) => {
    for (const { target, addedNodes, removedNodes } of records) {
      if (isInClosed(target) || [...removedNodes].some((node) => closed.has(node))) watched.closedChanges += 1
      for (const node of [target instanceof Text ? target : undefined, ...addedNodes]) {
        if (node) seen = Math.max(seen, toLastWord(node.textContent ?? ''))
      }
    }
    noteClosed()
    const now = performance.now()
    while (arrived[0] && arrived[0].word <= seen) {
      const { at, frame: since } = arrived.shift()!
      watched.delaysMs.push(now - at)
      watched.delaysFrames.push(frame - since)
    }
  }).observe(document, { subtree: true, childList: true, characterData: true })
}
