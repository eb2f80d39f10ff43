import { expect, test } from 'vitest'
import { cutBytes } from '#fake-ollama/scripts.ts'
import { readResponse } from '../http1/read-response.ts'
import { createRandom } from '../random.ts'
import { count, seed } from './options.ts'
import { readWithNode, toSpoiltResponse, type Accepted } from './responses.ts'

/** How many responses Node reads at a time. */
const atOnce = 50

interface Stricter {
  readonly fault: string
  readonly why: string
  /** A response that we refuse for this fault and Node accepts. */
  readonly example: string
  readonly method?: 'HEAD'
}

const ok = 'HTTP/1.1 200 OK\r\n'
const chunked = `${ok}Transfer-Encoding: chunked\r\n\r\n`
const empty = `${ok}Content-Length: 0\r\n\r\n`

/** The faults in responses that `node:http` accepts, and why we do not. */
const stricter: readonly Stricter[] = [
  {
    fault: 'A line ends without a CR',
    why: 'Node skips line feeds before a response. But nothing may stand between two responses.',
    example: `\n${empty}`,
  },
  {
    fault: 'A line is too long',
    why: 'Node allows extensions of 16 KiB, which nobody needs.',
    example: `${chunked}0;${'a'.repeat(5000)}\r\n\r\n`,
  },
  {
    fault: 'The head has too many lines',
    why: 'Node keeps the first 2,000.',
    example: `${ok}${'X-A: b\r\n'.repeat(200)}\r\n`,
  },
  {
    fault: 'The status line is malformed',
    why: 'Node accepts HTTP/0.9 and HTTP/2.0, the statuses from 600 to 999, control characters in the reason, and empty lines before a response. None of them comes from an HTTP/1.1 server.',
    example: 'HTTP/1.1 600 High\r\nContent-Length: 0\r\n\r\n',
  },
  {
    fault: 'A header line is malformed',
    why: 'Node does not take `chunked` with a tab behind it for chunked, but by RFC 9112 §5.1 it is. So a tab at the end of any value is a fault.',
    example: `${ok}Transfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n`,
  },
  {
    fault: 'An interim response changes the connection',
    why: 'Node hands the connection over after a 101, and accepts `Connection: keep-alive` in any 1xx. We never ask for another protocol.',
    example: `HTTP/1.1 100 Continue\r\nConnection: keep-alive\r\n\r\n${empty}`,
  },
  {
    fault: 'The coding of the body is not chunked',
    why: 'Node reads such a body until the connection closes, and reads chunks in HTTP/1.0 (RFC 9112 §6.1 calls that faulty). We could not decode it, and never ask for it.',
    example: `${ok}Transfer-Encoding: gzip\r\n\r\nhello`,
  },
  {
    fault: 'The length of the body is malformed',
    why: 'Node counts up to 2^64 in a response without a body. From 16 digits on a length is not exact in JavaScript.',
    example: `${ok}Content-Length: 1000000000000000\r\n\r\n`,
    method: 'HEAD',
  },
  {
    fault: 'A status without a body has one',
    why: 'Node ignores the length or the coding. But a program on the way may believe it, and take what follows for a body (RFC 9110 §8.6, RFC 9112 §6.1).',
    example: 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n',
  },
  {
    fault: 'The size of a chunk is malformed',
    why: 'Node accepts extensions without a name or value, which RFC 9112 §7.1.1 does not have, and any number of zeros before a size, which nobody sends.',
    example: `${chunked}0;a=\r\n\r\n`,
  },
  {
    fault: 'A trailer belongs into the head',
    why: 'Node refuses only `Content-Length`. RFC 9110 §6.5.1 forbids all names of framing.',
    example: `${chunked}0\r\nTransfer-Encoding: chunked\r\n\r\n`,
  },
  {
    fault: 'Bytes follow the end of the response',
    why: 'Node drops them, and closes the connection. But then the response or its length is a lie.',
    example: `${empty}HTTP/1.1 200 OK\r\n\r\n`,
  },
]
const known = new Set(stricter.map(({ fault }) => fault))

test.each(stricter)('stricter than Node: $fault', async ({ fault, example, method = 'GET' }) => {
  const bytes = Buffer.from(example)
  expect(readResponse([bytes], method).fault).toBe(fault)
  expect(await readWithNode(method, bytes)).toHaveProperty('status')
})

function toDifference(ours: ReturnType<typeof readResponse>, theirs: Accepted): string | undefined {
  const headers = Object.fromEntries(Object.entries(theirs.headers).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  const mine: Record<string, string> = {}
  for (const [name, value] of ours.headers) mine[name] = name in mine ? `${mine[name]}, ${value}` : value
  const [a, b] = [
    { ...theirs, headers },
    { status: ours.status, headers: mine, body: ours.body },
  ].map((value) => JSON.stringify(value))
  return a === b ? undefined : `Node: ${a}, we: ${b}`
}

test(`${count} spoilt responses, seed ${seed}: what we accept Node accepts as the same`, { timeout: 1_200_000 }, async () => {
  const told = { both: 0, neither: 0, onlyNode: 0 }
  async function check(caseSeed: number) {
    const random = createRandom(caseSeed)
    const { method, bytes } = toSpoiltResponse(random)
    const theirs = await readWithNode(method, bytes)
    const ours = readResponse([bytes], method)
    const cuts = Array.from({ length: random(8) }, () => random(bytes.length + 1))
    expect(readResponse(cutBytes(bytes, cuts), method)).toEqual(ours)
    if (ours.fault === undefined) {
      if (theirs instanceof Error) throw new Error(`Node refuses it: ${theirs.message}`, { cause: theirs })
      expect(toDifference(ours, theirs)).toBeUndefined()
      told.both++
    } else if (theirs instanceof Error) told.neither++
    else if (!known.has(ours.fault)) throw new Error(`Node accepts it, and nothing says why we refuse it: ${ours.fault}`)
    else told.onlyNode++
  }
  for (let at = 0; at < count; at += atOnce)
    await Promise.all(
      Array.from({ length: Math.min(atOnce, count - at) }, (_, index) =>
        check(seed + at + index).catch((cause: unknown) => {
          const { method, bytes } = toSpoiltResponse(createRandom(seed + at + index))
          const what = `FUZZ_SEED=${seed + at + index} FUZZ_COUNT=1: ${method} ${JSON.stringify(Buffer.from(bytes).toString('latin1'))}`
          throw new Error(`${String(cause)}\n${what}`, { cause })
        }),
      ),
    )
  if (count >= 1000) expect(Math.min(told.both, told.neither, told.onlyNode)).toBeGreaterThan(count / 20)
})
