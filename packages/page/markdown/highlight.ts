import { tokenizeWith } from '@speed-highlight/core/tokenize'
import { languages, toLanguage } from './languages.ts'

/** Returns the code as text nodes and spans. A span's class is its kind: `tok-kwd`, `tok-str`, … */
export function highlight(code: string, language: string): Node[] {
  const data = toLanguage(language)
  if (!data) return [new Text(code)]
  const nodes: Node[] = []
  const emit = (text: string, type?: string) => {
    const last = nodes.at(-1)
    const name = type === undefined ? '' : `tok-${type}`
    if (text === '') return
    if (last instanceof Text && name === '') last.data += text
    else if (last instanceof HTMLElement && last.className === name) last.textContent += text
    else if (name === '') nodes.push(new Text(text))
    else nodes.push(Object.assign(document.createElement('span'), { className: name, textContent: text }))
  }
  tokenizeWith(code, data, emit, { languages })
  return nodes
}
