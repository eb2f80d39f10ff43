/**
 * Ignores the second click of a double click if it hits another button than the first click. The
 * first click may have replaced the button, for example Send by Stop. The user did not mean to
 * press the new button.
 */
export function ignoreStrayClicks(): void {
  let first: Element | null = null
  const onClick = (event: MouseEvent) => {
    const button = (event.target as Element).closest('button')
    if (event.detail < 2) first = button
    else if (button !== first) {
      event.preventDefault()
      event.stopPropagation()
    }
  }
  addEventListener('click', onClick, true)
}
