import { transformSync } from 'esbuild'
import { globSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parseConfig, variableNames } from '../../src/config/parse-config.ts'
import { variables, type Groups } from '../../src/config/variables.ts'
import { readPage } from '../citations.ts'

/** One variable in a table. `told` is its default: a key of `words`, a value, or a sentence. */
interface Row {
  readonly name: string
  readonly told: string
}

/** Words that the table contains instead of some defaults, and the values that they mean. */
const words = new Map<string, number | undefined>([
  ['–', undefined],
  ['0 = off', 0],
])

/**
 * Returns the rows of a page's table of variables. A row may list several variables, with one
 * default each or one default for all.
 */
function toRows(page: string): Row[] {
  const [, table = ''] = /^\| Variable \| .*\n\|[-|]+\n((?:\|.*\n)+)/m.exec(page) ?? []
  return table
    .trimEnd()
    .split('\n')
    .flatMap((line) => {
      const [, variables = '', defaults = ''] = line.split(/(?<!\\)\|/)
      const names = [...variables.matchAll(/`(\w+)`/g)].map(([, name = '']) => name)
      const told = names.length === 1 ? [defaults] : defaults.split(',')
      // The text after a semicolon is the default of a single runtime.
      return names.map((name, i) => ({ name, told: (told[i] ?? told[0])!.split(';', 1)[0]!.trim() }))
    })
}

/**
 * Converts a default from the table into the configuration's value. Returns undefined if the table
 * does not contain a plain value.
 */
function toValue(told: string): string | number | undefined {
  if (words.has(told)) return words.get(told)
  const value = /^`?([^\s`]+)`?$/.exec(told)?.[1]
  return value !== undefined && /^\d+$/.test(value) ? Number(value) : value
}

/** The default of each variable. False, '' and an empty list are left out, because they mean unset. */
const defaults = new Map<string, unknown>()
const config: Groups<unknown> = parseConfig({})
for (const [group, fields] of Object.entries(variables))
  for (const [field, { name }] of Object.entries(fields)) {
    const value = config[group]?.[field]
    if (value !== false && value !== '' && !(Array.isArray(value) && value.length === 0)) defaults.set(name, value)
  }

const file = 'docs/protocol.md'

describe(`the table of variables in ${file}`, () => {
  const rows = toRows(readPage(file))

  test('contains each variable once, and no others', () => {
    const names = rows.map(({ name }) => name)
    const missing = variableNames.filter((name) => !names.includes(name))
    const unknown = names.filter((name) => !variableNames.includes(name))
    expect(missing, `add a row for ${missing.join(', ')} to the table in ${file}`).toEqual([])
    expect(unknown, `src/config has no ${unknown.join(', ')}: take it out of the table in ${file}`).toEqual([])
    expect(names, `name each variable once in the table in ${file}`).toEqual([...new Set(names)])
  })

  test.each(rows)('$name has the documented default: $told', ({ name, told }) => {
    const advice = `${file} and src/config differ in the default of ${name}`
    expect(toValue(told), advice).toBe(defaults.get(name))
  })
})

test('only src/config contains names of variables', () => {
  const files = globSync('src/**/*.ts', { exclude: ['src/config', 'src/generated'] })
  expect(files).toContain('src/app.ts')
  const mangleProps = new RegExp(`^(?:${variableNames.join('|')})$`)
  for (const file of files) {
    // esbuild collects the property names that match `mangleProps`, with or without quotes. It does
    // not look at other strings.
    const { mangleCache } = transformSync(readFileSync(file, 'utf8'), {
      loader: 'ts',
      mangleProps,
      mangleQuoted: true,
      mangleCache: {},
    })
    expect(Object.keys(mangleCache), `use the groups of Config in ${file}`).toEqual([])
  }
})
