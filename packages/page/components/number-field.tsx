import { useSignal } from '@preact/signals'
import { useId } from 'preact/hooks'
import { parseNumber, toLimit } from '../chats/limits.ts'
import type { NumberSetting } from '../chats/limits.ts'
import { formatNumber } from '../words/format.ts'
import { words } from '../words/words.ts'
import { SettingRow } from './setting-row.tsx'
import { usePage } from './page.ts'

interface NumberFieldProps {
  readonly name: NumberSetting
  readonly label: string
  readonly hint: string
  /** The model's maximum context, in tokens. */
  readonly contextLength?: number | undefined
}

/** A setting that is a number. If the field is empty, the model's default applies. */
export function NumberField({ name, label, hint, contextLength }: NumberFieldProps) {
  const { chat, set } = usePage()
  const id = useId()
  const typed = useSignal(String(chat.peek().settings[name] ?? ''))
  const w = words.value
  const parsed = parseNumber(name, typed.value, contextLength)
  const isBad = 'mistake' in parsed
  const { min, max, isWhole } = toLimit(name, contextLength)
  const onInput = (text: string) => {
    typed.value = text
    const next = parseNumber(name, text, contextLength)
    if ('value' in next) set({ [name]: next.value })
  }
  return (
    <SettingRow id={id} label={label} hint={isBad ? w.between(formatNumber(min, w), formatNumber(max, w)) : hint} isBad={isBad}>
      <input
        id={id}
        class="field is-short"
        inputMode={isWhole ? 'numeric' : 'decimal'}
        autocomplete="off"
        placeholder={w.byDefault}
        aria-describedby={`${id}-hint`}
        aria-invalid={isBad}
        value={typed.value}
        onInput={({ currentTarget }) => onInput(currentTarget.value)}
      />
    </SettingRow>
  )
}
