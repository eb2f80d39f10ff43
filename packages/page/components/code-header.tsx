import { render } from 'preact'
import { words } from '../words/words.ts'
import { CopyButton } from './copy-button.tsx'

/** Makes the header of a code block: the language, and a button that copies the code. */
export function createCodeHeader({ language, text }: { language: string; text: () => string }): HTMLElement {
  const header = document.createElement('div')
  header.className = 'code-header'
  const content = (
    <>
      <span>{language}</span>
      <CopyButton text={text} label={words.peek().copyCode} />
    </>
  )
  render(content, header)
  return header
}
