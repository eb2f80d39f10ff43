import type { ComponentChildren } from 'preact'

interface SettingRowProps {
  /** The id of the control. */
  readonly id: string
  readonly label: string
  readonly hint?: string
  readonly isBad?: boolean
  readonly children: ComponentChildren
}

/** A setting. Its name and hint are on the left, its control is on the right. */
export function SettingRow({ id, label, hint, isBad = false, children }: SettingRowProps) {
  return (
    <div class="row">
      <div>
        <label for={id} id={`${id}-label`}>
          {label}
        </label>
        {hint && (
          <p id={`${id}-hint`} class={isBad ? 'danger' : ''}>
            {hint}
          </p>
        )}
      </div>
      {children}
    </div>
  )
}
