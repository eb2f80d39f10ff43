import { describe, expect, test } from 'vitest'
import { rules as uiChat } from '../src/dialects/ai-sdk/schema.ts'
import { rules as messages } from '../src/dialects/anthropic/schema.ts'
import { rules as chat } from '../src/dialects/openai/chat/schema.ts'
import { rules as completions } from '../src/dialects/openai/completions/schema.ts'
import { rules as embeddings } from '../src/dialects/openai/embeddings.ts'
import { rules as responses } from '../src/dialects/openai/responses/schema.ts'
import { rules as plain } from '../src/dialects/plain/schema.ts'
import { reasons } from '../src/dialects/refusals.ts'
import { readPage } from './citations.ts'

const page = readPage('docs/compatibility.md')

/**
 * Returns the text under the heading with this path. If the text contains "as in chat", the text
 * about chat is appended.
 */
function toSection(path: string): string {
  const section = page.split(/^## /m).find((text) => text.split('\n', 1)[0]!.includes(`POST ${path}\``))
  if (section === undefined) throw new Error(`docs/compatibility.md has no heading for ${path}`)
  return section.includes('as in chat') ? section + toSection('/v1/chat/completions') : section
}

const refused = page.slice(page.indexOf('## What is refused'), page.indexOf('## What a history may hold'))
const isNamed = (text: string, field: string) =>
  text.includes(`\`${field}\``) || text.includes(`\`${field}.`) || text.includes(`\`${field}:`)

describe('docs/compatibility.md', () => {
  test.each(Object.entries(reasons))('contains the reason "%s", worded as in the error', (_name, reason) => {
    expect(refused).toContain(`| ${reason} |`)
  })

  test('contains no reason that no error has', () => {
    const told = [...refused.matchAll(/^\|.*\| (.*) \|$/gm)].map(([, reason]) => reason)
    expect(new Set(told.slice(1))).toEqual(new Set(Object.values(reasons)))
  })

  test.each([
    ['/chat', plain],
    ['/v1/chat/completions', chat],
    ['/v1/completions', completions],
    ['/v1/embeddings', embeddings],
    ['/v1/responses', responses],
    ['/v1/messages', messages],
    ['/api/ui/chat', uiChat],
  ] as const)('names every field that %s accepts', (path, { schema, wishes = {}, hints = [], refusals = {} }) => {
    const section = toSection(path)
    const left = [...Object.keys(schema.entries), ...Object.keys(wishes), ...hints].filter((field) => !isNamed(section, field))
    expect(left, `of ${path}`).toEqual([])
    expect(Object.keys(refusals).filter((field) => !isNamed(refused, field))).toEqual([])
  })
})
