/**
 * Templates for a model's text (prose, lists, code, tables). `next` returns a new word for each
 * place.
 */
const shapes: readonly ((next: () => string) => string)[] = [
  (next) => `${many(40, next)}, **${next()} ${next()}**, and \`${next()}\`. ${many(30, next)}.\n\n`,
  (next) => `${Array.from({ length: 6 }, () => `- ${many(9, next)}.\n`).join('')}\n`,
  (next) =>
    `\`\`\`python\ndef ${next()}(${next()}):\n${Array.from({ length: 12 }, () => `    ${next()} = ${next()} + "${next()}"\n`).join('')}    return None\n\`\`\`\n\n`,
  (next) => `## ${many(4, next)}\n\n${many(50, next)}.\n\n`,
  (next) =>
    `| ${next()} | ${next()} |\n|---|---:|\n${Array.from({ length: 5 }, () => `| ${next()} | ${next()} |\n`).join('')}\n`,
]

/**
 * Makes a Markdown answer of `tokens` tokens. Each token contains a different word: `w0x`, `w1x`, …
 */
export function toLongAnswer(tokens: number): string[] {
  let count = 0
  const next = () => `w${count++}x`
  let text = ''
  for (let index = 0; !text.includes(`w${tokens - 1}x`); index++) text += shapes[index % shapes.length]!(next)
  return text.split(/(?=w\d+x)/)
}

function many(count: number, next: () => string): string {
  return Array.from({ length: count }, next).join(' ')
}
