import { afterAll, describe, expect, it, vi } from 'vitest'
import { toGroups } from '#page/components/to-groups.ts'
import { chinese as statusChinese } from '#page/status/chinese.ts'
import { english as statusEnglish } from '#page/status/english.ts'
import { chinese } from '#page/words/chinese.ts'
import { english } from '#page/words/english.ts'
import { formatNumber, formatSeconds, formatSize } from '#page/words/format.ts'

/** Collects all texts in `value` by their paths. Functions are called with placeholders. */
function toTexts(value: unknown, path = ''): Map<string, string> {
  if (typeof value === 'string') return new Map([[path, value]])
  if (typeof value === 'function')
    return toTexts(value(...Array.from({ length: value.length }, (_, index) => `{${index}}`)), path)
  if (typeof value !== 'object' || value === null) return new Map()
  return new Map(Object.entries(value).flatMap(([key, part]) => [...toTexts(part, `${path}.${key}`)]))
}

type Texts = ReturnType<typeof toTexts>
const toPlaces = (text: string) => (text.match(/\{\d\}/g) ?? []).toSorted()
// The functions under these names are not texts with placeholders.
const other = { capability: undefined, join: undefined }

describe.each([
  { page: 'chat', count: 100, texts: [english, chinese], same: ['.version'] },
  { page: 'status', count: 50, texts: [statusEnglish, statusChinese], same: [] },
])('the words of the $page page', ({ count, texts, same: expected }) => {
  const [englishTexts, chineseTexts] = texts.map((words) => toTexts({ ...words, ...other })) as [Texts, Texts]

  it('have the same keys in both languages, failures included', () => {
    expect([...chineseTexts.keys()]).toEqual([...englishTexts.keys()])
    expect(englishTexts.size).toBeGreaterThan(count)
  })

  it.each([...englishTexts])('%s names the same values in both languages', (path, text) => {
    expect(text).not.toBe('')
    expect(toPlaces(chineseTexts.get(path)!)).toEqual(toPlaces(text))
  })

  it('have Chinese punctuation beside Chinese characters', () => {
    for (const [path, text] of chineseTexts)
      expect(text, path).not.toMatch(/\p{Script=Han}[,;:?!]|[,;:?!]\p{Script=Han}|\p{Script=Han}\.(?!\w)/u)
  })

  it('have Chinese texts in Chinese', () => {
    const same = [...englishTexts].filter(([path, text]) => chineseTexts.get(path) === text).map(([path]) => path)
    expect(same).toEqual(expected)
  })
})

describe('figures', () => {
  it.each([
    [0, '0.0 s', '0.0 秒'],
    [430, '0.4 s', '0.4 秒'],
    [9949, '9.9 s', '9.9 秒'],
    [9960, '10 s', '10 秒'],
    [59_999, '59 s', '59 秒'],
    [60_000, '1 min 0 s', '1 分 0 秒'],
    [125_400, '2 min 5 s', '2 分 5 秒'],
    [-5, '0.0 s', '0.0 秒'],
  ])('tell %i ms', (ms, inEnglish, inChinese) => {
    expect(formatSeconds(ms, english)).toBe(inEnglish)
    expect(formatSeconds(ms, chinese)).toBe(inChinese)
  })

  it('count whole seconds while something lasts', () => {
    expect(formatSeconds(1999, english, false)).toBe('1 s')
    expect(formatSeconds(61_500, english, false)).toBe('1 min 1 s')
  })

  it.each([
    [40_960, '41 kB'],
    [274_000_000, '274 MB'],
    [999_999_999, '1,000 MB'],
    [3_338_801_804, '3.3 GB'],
    [47_000_000_000, '47 GB'],
    [1_400_000_000_000, '1,400 GB'],
  ])('tell %i bytes as %s', (bytes, text) => {
    expect(formatSize(bytes, english)).toBe(text)
  })

  it('group thousands, and have tenths below ten', () => {
    expect(formatNumber(12_345, english)).toBe('12,345')
    expect(formatNumber(42.37, english)).toBe('42')
    expect(formatNumber(3.27, english)).toBe('3.3')
  })
})

describe('chats by their day', () => {
  vi.stubEnv('TZ', 'Europe/Berlin')
  afterAll(() => void vi.unstubAllEnvs())

  // In this time zone, the clocks went forward on the day before `noon`.
  const noon = new Date(2026, 2, 30, 12).getTime()
  const at = (day: number, hour: number) => ({
    id: `${day}.${hour}`,
    title: '',
    updatedAt: new Date(2026, 2, day, hour).getTime(),
  })

  it('are grouped by calendar days, not by hours', () => {
    const groups = toGroups([at(30, 13), at(30, 0), at(29, 23), at(29, 0), at(28, 23), at(24, 0), at(23, 23)], noon)
    expect(groups.map(({ age, chats }) => [age, chats.map(({ id }) => id)])).toEqual([
      ['today', ['30.13', '30.0']],
      ['yesterday', ['29.23', '29.0']],
      ['thisWeek', ['28.23', '24.0']],
      ['earlier', ['23.23']],
    ])
  })

  it('have no empty groups', () => {
    expect(toGroups([], noon)).toEqual([])
  })
})
