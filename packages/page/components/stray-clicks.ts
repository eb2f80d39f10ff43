/**
 * The second click of a double click counts only where the first one did: what has come in that place meanwhile, such as Stop in the place of
 * Send, is not what was meant.
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
