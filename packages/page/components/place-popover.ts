const gapPx = 6

/**
 * Puts a popover below its opener, or above it if there is no room below. The popover stays within
 * the window.
 */
export function placePopover(popover: HTMLElement, opener: HTMLElement) {
  const rect = opener.getBoundingClientRect()
  const { offsetWidth: width, offsetHeight: height } = popover
  const below = rect.bottom + gapPx
  const top = below + height > innerHeight - gapPx ? Math.max(gapPx, rect.top - gapPx - height) : below
  const left = Math.max(gapPx, Math.min(rect.left, innerWidth - width - gapPx))
  popover.style.top = `${top}px`
  popover.style.left = `${left}px`
}
