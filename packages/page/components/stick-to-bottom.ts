import { useSignal } from '@preact/signals'
import type { RefObject } from 'preact'
import { useLayoutEffect } from 'preact/hooks'

type Ref = RefObject<HTMLElement | null>

/** How far from the end still counts as being there. */
const nearPx = 32

/**
 * Keeps the end of what grows in view while its reader is there; who scrolls up is left alone. It starts at the end whenever `subject`
 * changes: another chat is open, another answer begins, or all is in another language.
 */
export function useStickToBottom(scroller: Ref, content: Ref, subject: string) {
  const isAway = useSignal(false)

  const toBottom = () => {
    isAway.value = false
    scroller.current!.scrollTop = scroller.current!.scrollHeight
  }
  useLayoutEffect(() => {
    const box = scroller.current!
    let last = box.scrollTop
    const onScroll = () => {
      const rest = box.scrollHeight - box.clientHeight - box.scrollTop
      if (rest <= nearPx) isAway.value = false
      // Only a reader scrolls up: what grows, and what turns out to be shorter, does not.
      else if (box.scrollTop < last - 1) isAway.value = true
      last = box.scrollTop
    }
    const observer = new ResizeObserver(() => !isAway.peek() && toBottom())
    observer.observe(content.current!)
    observer.observe(box)
    box.addEventListener('scroll', onScroll, { passive: true })
    return () => observer.disconnect()
  }, [])
  useLayoutEffect(toBottom, [subject])
  return { isAway, toBottom }
}
