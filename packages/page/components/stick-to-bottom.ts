import { useSignal } from '@preact/signals'
import type { RefObject } from 'preact'
import { useLayoutEffect } from 'preact/hooks'

type Ref = RefObject<HTMLElement | null>

/** A view that is at most this far from the end is treated as being at the end. */
const nearPx = 32

/**
 * Keeps the end of growing content in view while the user is at the end. After the user scrolls up,
 * the view stays where it is until the user returns to the end. `subject` is a text with the id of
 * the chat, the id of the answer and the language. When `subject` changes, the view goes to the
 * end.
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
      // Away from the end, only the user can make `scrollTop` smaller. Content that grows or
      // shrinks cannot.
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
