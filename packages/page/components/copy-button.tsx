import { useSignal } from '@preact/signals'
import { words } from '../words/words.ts'
import { copyText } from './copy-text.ts'
import { IconButton } from './icon-button.tsx'

const shownMs = 1600

/** Copies a text, and confirms this for a moment. */
export function CopyButton({ text, label = words.value.copy }: { text: () => string; label?: string }) {
  const isCopied = useSignal(false)
  const copy = async () => {
    if (!(await copyText(text()))) return
    isCopied.value = true
    setTimeout(() => (isCopied.value = false), shownMs)
  }
  return (
    <IconButton
      icon={isCopied.value ? 'check' : 'copy'}
      label={isCopied.value ? words.value.copied : label}
      onClick={() => void copy()}
    />
  )
}
