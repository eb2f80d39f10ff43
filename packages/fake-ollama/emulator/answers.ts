import { chineseTour } from './chinese-tour.ts'
import { englishTour } from './english-tour.ts'
import { parseFaults } from './faults.ts'
import { pick, type Random } from './seeded.ts'

/**
 * Whether a text is Chinese. Japanese text has Han characters too, but it always has kana as well.
 */
function isChinese(text: string): boolean {
  return /\p{Script=Han}/u.test(text) && !/[\p{Script=Hiragana}\p{Script=Katakana}]/u.test(text)
}

/**
 * Answers a question in the question's language. The text comes from the tour of that language.
 */
export function toAnswer(question: string, random: Random): string {
  const tour = isChinese(question) ? chineseTour : englishTour
  const { end } = parseFaults(question)
  // A token has at most eight characters on average, so this text is longer than the tokens before
  // the fault.
  if (end) return tour.breaking.repeat(1 + Math.ceil((end.afterTokens * 8) / tour.breaking.length))
  const stop = tour.topics.find(({ asks }) => asks.test(question)) ?? tour.greeting
  return `${pick(random, stop.openings)}\n\n${stop.body}\n\n${pick(random, tour.closings)}`
}
