import { chineseTour } from './chinese-tour.ts'
import { englishTour } from './english-tour.ts'
import { parseFaults } from './faults.ts'
import { pick, type Random } from './seeded.ts'

/** Japanese has Han characters too, but never without kana. */
function isChinese(text: string): boolean {
  return /\p{Script=Han}/u.test(text) && !/[\p{Script=Hiragana}\p{Script=Katakana}]/u.test(text)
}

/** The piece of the tour that a question asks for, in its language. */
export function toAnswer(question: string, random: Random): string {
  const tour = isChinese(question) ? chineseTour : englishTour
  const { end } = parseFaults(question)
  // Tokens are eight characters at most, on average, so the fault comes in the middle of this.
  if (end) return tour.breaking.repeat(1 + Math.ceil((end.afterTokens * 8) / tour.breaking.length))
  const stop = tour.topics.find(({ asks }) => asks.test(question)) ?? tour.greeting
  return `${pick(random, stop.openings)}\n\n${stop.body}\n\n${pick(random, tour.closings)}`
}
