import { useId, useRef } from 'preact/hooks'
import { useSignal } from '@preact/signals'
import { Icon } from './icon.tsx'
import type { IconName } from './icon.tsx'
import { IconButton } from './icon-button.tsx'
import { placePopover } from './place-popover.ts'

export interface MenuItem {
  readonly icon: IconName
  readonly label: string
  readonly isDanger?: boolean
  readonly run: () => void
}

/**
 * A button with three dots that opens a menu. The arrow keys move in the menu, and Escape closes
 * it.
 */
export function Menu({ label, items }: { label: string; items: readonly MenuItem[] }) {
  const id = useId()
  const isOpen = useSignal(false)
  const popover = useRef<HTMLDivElement>(null)

  const onToggle = ({ newState }: { newState: string }) => {
    isOpen.value = newState === 'open'
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const buttons = [...popover.current!.querySelectorAll('button')]
    const index = buttons.indexOf(document.activeElement as HTMLButtonElement)
    const to = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: -1 }[event.key]
    if (event.key === 'Tab') popover.current!.hidePopover()
    if (to === undefined) return
    event.preventDefault()
    buttons.at(to % buttons.length)!.focus()
  }
  return (
    <>
      <IconButton icon="more" label={label} aria-haspopup="menu" aria-expanded={isOpen.value} popovertarget={id} />
      <div
        id={id}
        ref={popover}
        popover="auto"
        role="menu"
        class="menu"
        onBeforeToggle={({ newState }) => newState === 'open' && requestPlace(popover.current!)}
        onToggle={onToggle}
        onKeyDown={onKeyDown}
      >
        {items.map(({ icon, label, isDanger = false, run }, index) => (
          <button
            key={label}
            type="button"
            role="menuitem"
            tabIndex={-1}
            autoFocus={index === 0}
            class={isDanger ? 'danger' : ''}
            onClick={() => {
              popover.current!.hidePopover()
              run()
            }}
          >
            <Icon name={icon} />
            {label}
          </button>
        ))}
      </div>
    </>
  )
}

/**
 * Places the popover in the next animation frame. By then it has a size, and it is not painted yet.
 */
function requestPlace(popover: HTMLElement) {
  requestAnimationFrame(() => placePopover(popover, popover.previousElementSibling as HTMLElement))
}
