const observer = new ResizeObserver((entries) => entries.forEach(({ target }) => check(target)))

/**
 * Lets the keyboard into an element while it has more than it shows, so that the arrows scroll it.
 * At any other time it would be a stop for nothing.
 */
export function focusWhenScrollable(element: HTMLElement): void {
  // Observed anew, it is looked at again, even if its size has not changed.
  observer.unobserve(element)
  observer.observe(element)
}

function check(element: Element) {
  if (element.scrollWidth > element.clientWidth || element.scrollHeight > element.clientHeight + 1)
    element.setAttribute('tabindex', '0')
  else element.removeAttribute('tabindex')
}
