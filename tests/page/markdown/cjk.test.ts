import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { toCjkMask } from '#page/markdown/cjk.ts'

test.each([
  ['**中文。**后', '**中文a**后'],
  ['**“引用”**的', '**“引用a**的'],
  ['的**“引用”**', '的**a引用”**'],
  ['**「a」**b', '**aaa**b'],
  ['**(a)**b', '**(a)**b'],
  ['。***。', 'a***a'],
  ['中**"*"**文', '中**a*a**文'],
])('punctuation beside a run of stars is a letter where it touches CJK: %s', (text, masked) => {
  expect(toCjkMask(text)).toBe(masked)
})

test('a mask changes neither lengths nor stars', () => {
  const text = fc
    .array(fc.constantFrom('*', '**', '。', '中', '“', '"', 'a', ' ', '𠮷', '😀', '（'))
    .map((words) => words.join(''))
  fc.assert(
    fc.property(text, (text) => {
      const masked = toCjkMask(text)
      expect(masked).toHaveLength(text.length)
      expect(masked.replace(/[^*]/g, ' ')).toBe(text.replace(/[^*]/g, ' '))
    }),
  )
})
