import { useSignal } from '@preact/signals'
import type { RefObject } from 'preact'
import { useLayoutEffect } from 'preact/hooks'

type Ref = RefObject<HTMLElement | null>

/** A reader who is this close to the end counts as being there. */
const nearPx = 32

/**
 * Keeps the end of growing content in view while the reader is there. A reader who scrolls up is
 * left alone. The view goes to the end whenever `subject` changes, because another chat is open,
 * another answer begins, or the language is another one.
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
      // Only a reader scrolls up. Content that grows, or turns out to be shorter, does not.
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
