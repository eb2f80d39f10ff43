import { effect } from '@preact/signals'
import type { ReadonlySignal } from '@preact/signals'
import { useLayoutEffect, useMemo, useRef } from 'preact/hooks'
import { createMarkdown } from '../markdown/markdown.ts'
import { words } from '../words/words.ts'
import { createCodeHeader } from './code-header.tsx'

/**
 * Shows Markdown. A growing text is passed as a signal. When it grows, only the affected blocks
 * change, and no component renders again.
 */
export function Markdown({ text, language }: { text: string | ReadonlySignal<string>; language: string }) {
  const root = useRef<HTMLDivElement>(null)
  // Another language needs a new renderer, because a renderer's labels are in one language.
  const markdown = useMemo(() => ({ current: undefined as ReturnType<typeof createMarkdown> | undefined }), [language])
  useLayoutEffect(() => {
    if (!markdown.current) {
      root.current!.replaceChildren()
      markdown.current = createMarkdown(root.current!, {
        codeHeader: createCodeHeader,
        imageLabel: (description) => words.peek().imageLabel(description),
        tableLabel: () => words.peek().table,
      })
    }
    if (typeof text !== 'string') return effect(() => markdown.current!.update(text.value, false))
    markdown.current.update(text, true)
    return undefined
  }, [text, markdown])
  return <div class="prose" dir="auto" ref={root} />
}
