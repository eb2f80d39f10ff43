export type Words = ReturnType<typeof createWords>

const quoted = /"([^"]+)"|“([^”]+)”/gu
const capitalised = /\p{Lu}[\p{L}\p{M}'’-]*(?: \p{Lu}[\p{L}\p{M}'’-]*)*/gu
const afterPreposition = /\b(?:in|at|for|from|to|of|about|near)\s+(?:the\s+)?([\p{L}\p{N}'’-]+)/giu
/** A Chinese question is split at each match. The rest is its subject: 东京的天气怎么样 → 东京. */
const chineseGlue = /[^\p{Script=Han}]|[的在是吗呢啊把从到和]|怎么样|什么|多少|天气|请问|今天|明天|告诉我|查一下|查询/u

/**
 * Finds the words of a message that a model would put into a tool call: quoted words, capitalised
 * words, and words after a preposition. Each name and number is returned once, in the order of the
 * message.
 */
export function createWords(message: string) {
  const groups = (pattern: RegExp) => Array.from(message.matchAll(pattern), ([whole, ...found]) => found.find(Boolean) ?? whole)
  const capitals = Array.from(message.matchAll(capitalised), ({ 0: text, index }) => ({ text, isFirst: index === 0 }))
  const han = /\p{Script=Han}/u.test(message) ? message.split(chineseGlue).filter((part) => part !== '') : []
  const names = [
    ...groups(quoted),
    ...capitals.filter(({ isFirst }) => !isFirst).map(({ text }) => text),
    ...han,
    ...groups(afterPreposition),
    // The first word of a message is capitalised even if it is not a name, so it comes last.
    ...capitals.filter(({ isFirst }) => isFirst).map(({ text }) => text),
  ]
  const distinct = names.filter(
    (name, index) => names.findIndex((other) => other.toLowerCase() === name.toLowerCase()) === index,
  )
  const numbers = groups(/(?<![\p{L}\d-])-?\d+(?:\.\d+)?(?![\d-])/gu).map(Number)
  const lower = message.toLowerCase()
  return {
    message: message.trim(),
    name: () => distinct.shift(),
    number: () => numbers.shift(),
    date: () => /\d{4}-\d\d-\d\d/.exec(message)?.[0],
    mentions: (text: string) => text !== '' && lower.includes(text.toLowerCase()),
  }
}
