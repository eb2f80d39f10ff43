import type { ButtonHTMLAttributes } from 'preact'
import { Icon } from './icon.tsx'
import type { IconName } from './icon.tsx'

interface IconButtonProps extends ButtonHTMLAttributes {
  readonly icon: IconName
  readonly label: string
}

/** A button with an icon. Its label shows when the pointer is over it. */
export function IconButton({ icon, label, ...rest }: IconButtonProps) {
  return (
    <button type="button" {...rest} class="icon-button" aria-label={label} title={label}>
      <Icon name={icon} />
    </button>
  )
}
