import { toCjkMask } from './cjk.ts'

/** What inlines are made of. An address is taken as a whole: the marks in it are none. */
const marks = /\\[^]|`+|!?\[|\]|\*+|_+|~+|https?:\/\/[^\s<*]*[^\s<*_~]/g
/** Marks at the end that have not begun anything yet. */
const unbegun = /(?:!?\[|[*_~`<\\])+$/

/** A link's title: in quotes or brackets. */
const title = String.raw`"[^"]*"|'[^']*'|\([^()]*\)`
/** An address without spaces; brackets in it come in pairs. */
const plainAddress = String.raw`(?:[^\s()]|\([^\s()]*\))*`
/** Makes a link of the brackets before it: `(address "title")`, or with `<address>`. */
const target = new RegExp(String.raw`\(\s?(?:<[^<>\n]*>|${plainAddress})(?:\s{1,2}(?:${title}))?\s?\)`, 'y')

/** The same three where the text ends before they do. */
const openTitle = String.raw`"[^"]*|'[^']*|\([^()]*`
const openPlainAddress = String.raw`(?:[^\s()]|\([^\s()]*(?:\)|$))*`
const openTarget = new RegExp(String.raw`(?:\((?:\s?<[^<>\n]*|${openPlainAddress}(?:\s{1,2}(?:${openTitle})?)?))?$`, 'y')

/** A run of `*`, `_` or `~`. */
interface Run {
  readonly mark: string
  readonly isCloser: boolean
  /** How many of its characters are not closed yet. */
  unclosed: number
}

/** A `[` or `![` whose end has not come yet. */
interface Bracket {
  /** Where the text in it begins. */
  readonly start: number
  readonly isImage: boolean
  /** The runs before it: what is open in it ends with it. */
  readonly runs: number
}

/**
 * Closes what is half open at the end of a paragraph: emphasis, code and links. Of a link only its
 * text is shown until its address is whole. Marks that have not begun anything yet are left off. It
 * follows CommonMark §6.2 as far as that says what a text is about to become.
 */
export function completeInline(whole: string): string {
  const text = whole.replace(unbegun, '')
  const masked = toCjkMask(text)
  const runs: Run[] = []
  const brackets: Bracket[] = []
  let end = text.length
  let code = ''

  marks.lastIndex = 0
  for (let found = marks.exec(text); found && code === '' && end === text.length; found = marks.exec(text)) {
    const [mark] = found
    const after = marks.lastIndex
    if (mark.startsWith('`')) {
      const close = new RegExp(`(?<!\`)${mark}(?!\`)`, 'g')
      close.lastIndex = after
      if (close.test(text)) marks.lastIndex = close.lastIndex
      else code = mark
    } else if (mark === '[' || mark === '![') brackets.push({ start: after, isImage: mark !== '[', runs: runs.length })
    else if (mark === ']') endBracket(after)
    else if (/^(?:\*|_|~~$)/.test(mark)) {
      // A single one between letters is more often a times sign.
      const isTimes = /^[\p{L}\p{N}]\*[\p{L}\p{N}]/u.test(text.slice(Math.max(0, found.index - 1), after + 1))
      addRun(runs, mark, masked[found.index - 1], masked[after], isTimes)
    }
  }

  /** Behind a `]`: that was a link's text if an address follows, or may yet. */
  function endBracket(at: number) {
    const bracket = brackets.pop()
    target.lastIndex = openTarget.lastIndex = at
    if (!bracket) return
    if (target.test(text)) {
      marks.lastIndex = target.lastIndex
      runs.length = bracket.runs
    } else if (openTarget.test(text)) {
      brackets.push(bracket)
      end = at - 1
    }
  }

  let shown = text.slice(0, end)
  for (const { start, isImage, runs: before } of brackets.toReversed()) {
    if (isImage) {
      shown += ']()'
      runs.length = Math.min(runs.length, before)
    } else shown = shown.slice(0, start - 1) + shown.slice(start)
  }
  const closers = runs.map(({ mark, unclosed }) => mark.slice(0, unclosed)).toReversed()
  return (code === '' ? shown.trimEnd() : shown) + code + closers.join('')
}

/** Takes a run for the end of those that are open, or opens it. */
function addRun(runs: Run[], mark: string, before = ' ', after = ' ', isTimes = false) {
  const isLeftFlanking = isFlanking(after, before)
  const isRightFlanking = isFlanking(before, after)
  const isUnderscore = mark.startsWith('_')
  const isCloser = isRightFlanking && !(isUnderscore && isLeftFlanking && !isPunctuation(after))
  const isOpener = isLeftFlanking && !(isUnderscore && isRightFlanking && !isPunctuation(before))
  let unclosed = mark.length
  while (unclosed > 0) {
    const index = isCloser ? runs.findLastIndex((run) => isEndedBy(run, mark, isOpener)) : -1
    const run = runs[index]
    if (!run) break
    const count = Math.min(unclosed, run.unclosed)
    unclosed -= count
    run.unclosed -= count
    runs.length = run.unclosed > 0 ? index + 1 : index
  }
  if (isOpener && !isTimes && unclosed > 0) runs.push({ mark, isCloser, unclosed })
}

function isEndedBy({ mark: opener, isCloser }: Run, mark: string, isOpener: boolean): boolean {
  // The rule of three: the `*` in `**a*b` ends nothing.
  const isOdd = (isCloser || isOpener) && (opener.length + mark.length) % 3 === 0 && mark.length % 3 !== 0
  return opener[0] === mark[0] && !isOdd
}

/** Whether a run touches a text on its inner side: left-flanking, or right-flanking the other way round. */
function isFlanking(inner: string, outer: string): boolean {
  return !isSpace(inner) && (!isPunctuation(inner) || isSpace(outer) || isPunctuation(outer))
}

function isSpace(char: string): boolean {
  return /\s/.test(char)
}

function isPunctuation(char: string): boolean {
  return /[\p{P}\p{S}]/u.test(char)
}
