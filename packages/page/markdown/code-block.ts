import type { Tokens } from 'marked'
import type { Block, Context } from './block.ts'
import type { highlight } from './highlight.ts'
import { focusWhenScrollable } from './scroller.ts'
import { whenIdle } from './when-idle.ts'

/**
 * Code is highlighted in pieces of at least this length. Highlighting a piece takes one or two
 * milliseconds.
 */
const pieceLength = 1500
const pieceMax = 3000
/** After this many characters a piece ends even in the middle of a line. */
const lineMax = 6000

/**
 * The function that highlights code, or `undefined` until its file is loaded. The file is separate,
 * because most answers have no code.
 */
let paintCode: typeof highlight | undefined

/** Loads the highlighter. Rejects if the file cannot be loaded. Code then stays in one colour. */
async function loadHighlighter() {
  paintCode ??= (await import('./highlight.ts')).highlight
}

/**
 * A code block with a header. New code is only appended. It is highlighted when the page is idle,
 * and each piece is highlighted a few times at most.
 */
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
        // Text that was already shown has changed, so all pieces are made again. This is rare. It
        // happens if an indented line follows the block, or if the block turns out to end
        // elsewhere.
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
  /** How many characters of the text are highlighted. */
  let painted = 0
  let isClosed = false

  function paint() {
    if (!paintCode)
      return void loadHighlighter().then(
        () => whenIdle(paint),
        () => {},
      )
    const end = isClosed ? text.length : text.lastIndexOf('\n') + 1
    if (end <= painted) return
    rest.data = text.slice(end)
    node.replaceChildren(...paintCode(text.slice(0, end), language), ...(isClosed ? [] : [rest]))
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
      // The text must double before it is highlighted again. So a piece is highlighted only a few
      // times, not with every line.
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

/**
 * Returns where the first piece of the text ends, if possible at an empty line. Returns `undefined`
 * if the piece may still grow. The end of a piece depends only on the text before it, so it does
 * not change when more text comes.
 */
function toPieceEnd(text: string): number | undefined {
  if (text.length <= pieceLength) return undefined
  const gap = text.slice(0, pieceMax).indexOf('\n\n', pieceLength)
  if (gap !== -1 && gap + 2 <= text.length) return gap + 2
  if (text.length <= pieceMax) return undefined
  const line = text.slice(0, lineMax).indexOf('\n', pieceMax - 1)
  if (line !== -1) return line + 1
  return text.length > lineMax ? lineMax : undefined
}
