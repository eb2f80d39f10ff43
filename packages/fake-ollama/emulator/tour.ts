import type { NonEmpty } from './seeded.ts'

/** One answer of the demo. Which opening it gets is left to chance, so that answers vary; the body is what must be right. */
interface Stop {
  openings: NonEmpty<string>
  body: string
}

/** The answers in one language: the first topic that is asked about, else the greeting. */
export interface Tour {
  topics: readonly (Stop & { asks: RegExp })[]
  greeting: Stop
  /** Said by a stream that was told to go wrong, again and again until it does. */
  breaking: string
  closings: NonEmpty<string>
}
