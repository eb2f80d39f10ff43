const observer = new ResizeObserver((entries) => entries.forEach(({ target }) => check(target)))

/**
 * Makes an element focusable while it overflows, because the arrow keys can scroll it only when it
 * has the focus. An element that does not overflow would be a needless stop of the Tab key.
 */
export function focusWhenScrollable(element: HTMLElement): void {
  // A new observation checks the element again, even if its size has not changed.
  observer.unobserve(element)
  observer.observe(element)
}

function check(element: Element) {
  if (element.scrollWidth > element.clientWidth || element.scrollHeight > element.clientHeight + 1)
    element.setAttribute('tabindex', '0')
  else element.removeAttribute('tabindex')
}
