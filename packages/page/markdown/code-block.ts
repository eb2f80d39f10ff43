import type { Tokens } from 'marked'
import type { Block, Context } from './block.ts'
import { highlight } from './highlight.ts'
import { focusWhenScrollable } from './scroller.ts'
import { whenIdle } from './when-idle.ts'

/** A piece is highlighted by itself, in a millisecond or two. */
const pieceLength = 1500
const pieceMax = 3000
/** Where a piece ends though its line does not. */
const lineMax = 6000

/** Code with a head, which grows by what is new; colours come when the page is idle, to each piece a few times at most. */
export function createCode(token: Tokens.Code, { options }: Context): Block {
  const language = /^[\w+#.-]+/.exec(token.lang ?? '')?.[0] ?? ''
  const code = document.createElement('code')
  const pre = document.createElement('pre')
  pre.append(code)
  const node = document.createElement('div')
  node.className = 'code'
  if (options.codeHeader) node.append(options.codeHeader({ language, text: () => shown }))
  node.append(pre)

  let shown = ''
  let last: Piece | undefined
  let wasOpen: boolean | undefined

  function show(text: string) {
    let rest = text.slice(shown.length)
    shown = text
    while (rest !== '') {
      last ??= createPiece(code, language)
      const whole = last.text + rest
      const end = toPieceEnd(whole)
      last.append((end === undefined ? whole : whole.slice(0, end)).slice(last.text.length))
      rest = end === undefined ? '' : whole.slice(end)
      if (end !== undefined) {
        last.close()
        last = undefined
      }
    }
  }

  return {
    node,
    update(token, isOpen) {
      const { text, lang } = token as Tokens.Code
      if ((/^[\w+#.-]+/.exec(lang ?? '')?.[0] ?? '') !== language) return false
      if (!text.startsWith(shown)) {
        // A piece that is closed has no way back, and this is rare: an indented line after the block, or another end of it.
        code.replaceChildren()
        shown = ''
        last = undefined
      }
      show(text)
      if (!isOpen) last?.close()
      if (wasOpen !== isOpen || !isOpen) focusWhenScrollable(pre)
      wasOpen = isOpen
      return true
    },
  }
}

interface Piece {
  readonly text: string
  append(text: string): void
  close(): void
}

function createPiece(parent: HTMLElement, language: string): Piece {
  const node = document.createElement('div')
  const rest = new Text()
  node.append(rest)
  parent.append(node)
  let text = ''
  /** How much of it has its colours. */
  let painted = 0
  let isClosed = false

  function paint() {
    const end = isClosed ? text.length : text.lastIndexOf('\n') + 1
    if (end <= painted) return
    rest.data = text.slice(end)
    node.replaceChildren(...highlight(text.slice(0, end), language), ...(isClosed ? [] : [rest]))
    painted = end
  }

  return {
    get text() {
      return text
    },
    append(added) {
      if (isClosed && added !== '') {
        isClosed = false
        painted = 0
        rest.data = text
        node.replaceChildren(rest)
      }
      text += added
      rest.appendData(added)
      // Twice as much each time: a piece is painted a few times, not with every line.
      if (language !== '' && text.lastIndexOf('\n') + 1 > painted * 2) whenIdle(paint)
    },
    close() {
      if (isClosed) return
      isClosed = true
      painted = 0
      if (language !== '') whenIdle(paint)
    },
  }
}

/** Where a piece ends: between paragraphs of code if there is a place. It depends on no more than is before it, so that it stays when more comes. */
function toPieceEnd(text: string): number | undefined {
  if (text.length <= pieceLength) return undefined
  const gap = text.slice(0, pieceMax).indexOf('\n\n', pieceLength)
  if (gap !== -1 && gap + 2 <= text.length) return gap + 2
  if (text.length <= pieceMax) return undefined
  const line = text.slice(0, lineMax).indexOf('\n', pieceMax - 1)
  if (line !== -1) return line + 1
  return text.length > lineMax ? lineMax : undefined
}
