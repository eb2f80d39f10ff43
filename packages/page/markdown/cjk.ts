/**
 * Letters and punctuation of Chinese, Japanese and Korean, and full-width forms. The expression
 * lists ranges, because a script name such as `\p{Script=Han}` takes 50 ms to compile.
 */
const cjk =
  /[\u1100-\u11ff\u2e80-\u31ff\u3200-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\u{1b000}-\u{1b16f}\u{20000}-\u{3ffff}]/u
/**
 * Punctuation, except `_` and `~`, because these two are marks of emphasis themselves: `~~**中**~~`.
 */
const punctuation = /(?![_~])[\p{P}\p{S}]/u

/**
 * Makes the mask: a copy of the text in which the library `marked` looks for the ends of emphasis.
 * Chinese, Japanese and Korean (CJK) text often has no spaces around emphasis, so CommonMark's
 * flanking rule fails for `**中文。**后` and `**“引用”**的`. Therefore the mask has letters in place of
 * punctuation beside a run of `*`. As in the library markdown-cjk-friendly, a letter replaces all
 * CJK punctuation, and other punctuation if the character on the other side of the run is CJK. The
 * mask is as long as the text, because `marked` requires this.
 */
export function toCjkMask(source: string): string {
  let masked = ''
  let end = 0
  for (const { 0: run, index } of source.matchAll(/\*+/g)) {
    const after = index + run.length
    const [left, right] = [toCharBefore(source, index), toCharAt(source, after)]
    if (index > end) masked += source.slice(end, index - 1) + (isLetterBeside(left, right) ? 'a' : source[index - 1])
    masked += run
    end = after
    if (isLetterBeside(right, left)) {
      masked += 'a'
      end += 1
    }
  }
  return masked + source.slice(end)
}

/**
 * Whether the run of `*` at the start of `source` touches a CJK character. If so, the run may open
 * emphasis, whatever punctuation is beside it. `source` is the text from this run to the end, and
 * `masked` is the mask of the whole text.
 */
export function isBesideCjk(source: string, masked: string, before: string): boolean {
  const next = /^\*+(.)/su.exec(source)?.[1] ?? ''
  // If the character before the run has two code units, `before` is only the second one. So the
  // whole character is read from `masked`.
  return cjk.test(before) || cjk.test(toCharBefore(masked, masked.length - source.length)) || cjk.test(next)
}

/** Only a character of one code unit is masked, because a mask must not change lengths. */
function isLetterBeside(char: string, other: string): boolean {
  return char.length === 1 && punctuation.test(char) && (cjk.test(char) || cjk.test(other))
}

function toCharAt(text: string, index: number): string {
  return index < text.length ? String.fromCodePoint(text.codePointAt(index)!) : ''
}

function toCharBefore(text: string, index: number): string {
  const isPair = index > 1 && /[\udc00-\udfff]/.test(text[index - 1]!)
  return index > 0 ? text.slice(index - (isPair ? 2 : 1), index) : ''
}
