/**
 * The second click of a double click counts only on the button of the first one. Another button
 * may have come in its place, as Stop comes in the place of Send. Nobody meant to press that one.
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
