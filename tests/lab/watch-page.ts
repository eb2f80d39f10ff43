/** The observations of a page while an answer of `toLongAnswer` came. */
export interface Watched {
  /**
   * Milliseconds from a chunk's arrival in the page until its last word is in the document. The
   * next paint shows the word.
   */
  readonly delaysMs: number[]
  /** The same delays, counted in the frames that began during each. */
  readonly delaysFrames: number[]
  /** Milliseconds between two frames. */
  readonly framesMs: number[]
  /** Tasks over 50 ms. */
  readonly longTasksMs: number[]
  /**
   * Counts the changes to blocks that have two complete blocks after them. Code does not count,
   * because it may be coloured later.
   */
  closedChanges: number
}

/**
 * Runs in the page before the page's own code, and keeps its observations in `watched`. It must
 * not use anything outside, because it is sent as text.
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

  /** Blocks that had two others after them at the last check. */
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
