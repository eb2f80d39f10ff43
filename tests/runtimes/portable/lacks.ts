import type { RuntimeName, ServerName } from '../server.ts'

/** An ability that the entry files in src/runtimes have, and the portable defaults do not have. */
interface Lack {
  readonly ability: string
  readonly on: readonly RuntimeName[]
  readonly instead: string
  readonly why: string
  /** The file and the title of the test that expects the behaviour in `instead`. */
  readonly file: string
  readonly title: string
}

/**
 * What the portable parts of an app (`streamSSE` and `fetch`) cannot do. docs/hazards.md contains the
 * same table, and tests/runtimes/portable/lacks.test.ts checks that the two tables are equal.
 */
export const lacks = {
  cut: {
    ability: 'break a response, such as that of a stalled reader',
    on: ['node', 'bun', 'worker'],
    instead:
      'the upstream stops at the stall limit, but the connection stays open until the reader reads on or leaves; its answer then ends cleanly without a terminal',
    why: '[hazard 45](#45), [hazard 55](#55)',
    file: 'tests/runtimes/suite/backpressure.ts',
    title: 'that never reads is cut at the stall limit, and the upstream with it',
  },
  text: {
    ability: 'stream `text/plain`',
    on: ['node', 'bun', 'worker'],
    instead: 'SSE is the answer to `Accept: text/plain`',
    why: 'a failure in bare text needs a cut',
    file: 'tests/runtimes/portable/suite.ts',
    title: 'Accept: text/plain is answered with SSE',
  },
  silence: {
    ability: 'wait longer than five minutes for Ollama’s next byte',
    on: ['node', 'bun'],
    instead: 'the answer fails after 300 s on Node, and after 338 to 363 s on Bun',
    why: '[hazard 15](#15)',
    file: 'tests/slow/silence.test.ts',
    title: 'an upstream that is silent for 380 s',
  },
  continue: {
    ability: 'pass over a `100 Continue` of the upstream',
    on: ['node'],
    instead: 'the request is `upstream_unreachable`',
    why: '[hazard 52](#52)',
    file: 'tests/runtimes/suite/faults.ts',
    title: 'is refused by the fetch of Node',
  },
} as const satisfies Readonly<Record<string, Lack>>

/** Whether a server lacks an ability. The servers in src/runtimes have every ability. */
export function isLacking(name: ServerName, ability: keyof typeof lacks): boolean {
  const { on }: Lack = lacks[ability]
  return on.some((runtime) => name === `portable ${runtime}`)
}
