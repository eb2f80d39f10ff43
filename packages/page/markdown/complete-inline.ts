import { toCjkMask } from './cjk.ts'

/**
 * Marks that start or end an inline element. An address is matched as a whole, because marks inside
 * it mean nothing.
 */
const marks = /\\[^]|`+|!?\[|\]|\*+|_+|~+|https?:\/\/[^\s<*]*[^\s<*_~]/g
/** Marks at the end of the text, with no text after them yet. */
const unbegun = /(?:!?\[|[*_~`<\\])+$/

/** A link's title: in quotes or brackets. */
const title = String.raw`"[^"]*"|'[^']*'|\([^()]*\)`
/** An address without spaces. Any brackets in it come in pairs. */
const plainAddress = String.raw`(?:[^\s()]|\([^\s()]*\))*`
/** The part of a link after `[text]`: `(address "title")` or `(<address> "title")`. */
const target = new RegExp(String.raw`\(\s?(?:<[^<>\n]*>|${plainAddress})(?:\s{1,2}(?:${title}))?\s?\)`, 'y')

/** A title, an address and a target that are incomplete because the text ends inside them. */
const openTitle = String.raw`"[^"]*|'[^']*|\([^()]*`
const openPlainAddress = String.raw`(?:[^\s()]|\([^\s()]*(?:\)|$))*`
const openTarget = new RegExp(String.raw`(?:\((?:\s?<[^<>\n]*|${openPlainAddress}(?:\s{1,2}(?:${openTitle})?)?))?$`, 'y')

/** A run of `*`, `_` or `~`. */
interface Run {
  readonly mark: string
  readonly isCloser: boolean
  /** How many characters of the run are not closed yet. */
  unclosed: number
}

/** A `[` or `![` whose `]` has not come yet. */
interface Bracket {
  /** Where the text inside the brackets begins. */
  readonly start: number
  readonly isImage: boolean
  /**
   * The number of runs before the bracket. A run that opens inside the brackets must close inside.
   */
  readonly runs: number
}

/**
 * Closes emphasis, code and links that are still open at the end of a paragraph. While the address
 * of a link is incomplete, only the link's text is shown. Marks at the end with no text after them
 * are dropped. Emphasis follows CommonMark §6.2, but text that comes later may still change the
 * result.
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
      // A single `*` between letters is usually a multiplication sign.
      const isTimes = /^[\p{L}\p{N}]\*[\p{L}\p{N}]/u.test(text.slice(Math.max(0, found.index - 1), after + 1))
      addRun(runs, mark, masked[found.index - 1], masked[after], isTimes)
    }
  }

  /** Handles a `]`. The text before it is a link if an address follows, or may still follow. */
  function endBracket(index: number) {
    const bracket = brackets.pop()
    target.lastIndex = openTarget.lastIndex = index
    if (!bracket) return
    if (target.test(text)) {
      marks.lastIndex = target.lastIndex
      runs.length = bracket.runs
    } else if (openTarget.test(text)) {
      brackets.push(bracket)
      end = index - 1
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

/**
 * Closes earlier runs with the marks of this run. If marks are left and may open a run, they are
 * added to `runs`.
 */
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
  // CommonMark's rule of three. For example, the `*` in `**a*b` does not end the `**`.
  const isOdd = (isCloser || isOpener) && (opener.length + mark.length) % 3 === 0 && mark.length % 3 !== 0
  return opener[0] === mark[0] && !isOdd
}

/**
 * Whether a run is left-flanking (CommonMark §6.2), if `inner` is the character after the run and
 * `outer` is the character before it. If the two are swapped, the result is whether the run is
 * right-flanking.
 */
function isFlanking(inner: string, outer: string): boolean {
  return !isSpace(inner) && (!isPunctuation(inner) || isSpace(outer) || isPunctuation(outer))
}

function isSpace(char: string): boolean {
  return /\s/.test(char)
}

function isPunctuation(char: string): boolean {
  return /[\p{P}\p{S}]/u.test(char)
}
