import { isObject } from './body.ts'
import type { ToolCall } from './chunk.ts'
import type { Message } from './completion-request.ts'
import { toSchemaValue } from './schema-value.ts'
import { pick, type Random } from './seeded.ts'
import { shorten } from './tokens.ts'
import { createWords } from './words.ts'

interface Tool {
  name?: unknown
  description?: unknown
  parameters?: unknown
}

const toTool = (given: unknown): Tool => (isObject(given) && isObject(given.function) ? given.function : {})
const toText = (value: unknown) => (typeof value === 'string' ? value : '')

function toTerms(text: string): string[] {
  return text.toLowerCase().match(/\p{L}{3,}/gu) ?? []
}

/**
 * Calls the tool whose name and description have the most words in common with the message. If no
 * tool shares a word with the message, the first tool is called.
 */
export function toToolCall(tools: readonly unknown[], message: string, random: Random): ToolCall {
  const terms = new Set(toTerms(message))
  const score = ({ name, description }: Tool) =>
    toTerms(`${toText(name)} ${toText(description)}`).filter((term) => terms.has(term)).length
  const [best = {}] = tools.map(toTool).toSorted((a, b) => score(b) - score(a))
  const value = toSchemaValue(best.parameters, { words: createWords(message), random, requiredOnly: true })
  const id = `call_${Array.from({ length: 8 }, () => Math.floor(random() * 36).toString(36)).join('')}`
  return { id, function: { index: 0, name: toText(best.name), arguments: isObject(value) ? value : {} } }
}

/**
 * Turns `{"temperature":22,"sky":"clear"}` into `temperature 22, sky clear`. Other text is not
 * changed.
 */
function toSentence(content: string): string {
  try {
    const parsed: unknown = JSON.parse(content)
    const parts = Object.entries(isObject(parsed) ? parsed : {})
    if (parts.length > 0)
      return parts.map(([key, value]) => `${key} ${typeof value === 'string' ? value : JSON.stringify(value)}`).join(', ')
  } catch {
    // The text is not JSON. The result of a tool may be any text.
  }
  return content.trim()
}

/** Makes the answer after `role: "tool"` messages. It repeats the results of the tools. */
export function toToolAnswer(messages: readonly Message[], question: string, random: Random): string {
  const lastOther = messages.findLastIndex(({ role }) => role !== 'tool')
  const results = messages.slice(lastOther + 1).map(({ content, toolName }) => {
    const by = toolName === undefined ? '' : `\`${toolName}\`: `
    return `- ${by}${shorten(toSentence(content), 500)}`
  })
  const opening = pick(random, ['The tool has answered.', 'Here is what I found out.', 'Done, the result is in.'])
  const asked = question === '' ? '' : ` to “${shorten(question, 100)}”`
  return `${opening} The answer${asked} is:\n\n${results.join('\n')}\n\nThe demo only repeats what the tool said; a real model would put it into its own words.`
}
