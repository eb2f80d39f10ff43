import { Http1Fault } from '../../src/http1/fault.ts'
import { createResponseReader } from '../../src/http1/response-reader.ts'

/** What a reader gave. */
export interface Reading {
  readonly status?: number
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** As latin1. */
  readonly body: string
  /** A fault behind a complete response replaces the end. */
  readonly ending: 'reuse' | 'close' | 'protocol' | 'truncated' | 'open'
  /** The message of the fault. */
  readonly fault?: string
}

/**
 * Reads copies of the pieces, and then the FIN.
 * @throws Error if the reader gives things in a wrong order
 */
export function readResponse(pieces: readonly Uint8Array[], method = 'GET', isClosed = true): Reading {
  let reading: Reading = { headers: [], body: '', ending: 'open' }
  let isBodyGiven = false
  const assert = (isRight: boolean) => {
    if (!isRight) throw new Error(`Something came twice or too late: ${JSON.stringify(reading)}`)
  }
  const reader = createResponseReader({
    method,
    onHead(status, headers) {
      assert(reading.status === undefined)
      reading = { ...reading, status, headers: [...headers].toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)) }
    },
    onBody(bytes) {
      assert(reading.status !== undefined && reading.ending === 'open' && !isBodyGiven && bytes.length > 0)
      isBodyGiven = true
      reading = { ...reading, body: reading.body + Buffer.from(bytes).toString('latin1') }
    },
    onEnd(canReuse) {
      assert(reading.status !== undefined && reading.ending === 'open')
      reading = { ...reading, ending: canReuse ? 'reuse' : 'close' }
    },
  })
  try {
    for (const [index, piece] of pieces.entries()) {
      isBodyGiven = false
      // A read may fill only the start of its buffer. Here the rest contains bytes of the next
      // pieces. They look like valid input, so a reader that reads too far would use them.
      const behind = pieces.slice(index + 1, index + 20).flatMap((next) => [...next.subarray(0, 20)])
      reader.push(Uint8Array.from([...piece, ...behind]), piece.length)
    }
    if (isClosed) reader.close()
  } catch (error) {
    if (!(error instanceof Http1Fault)) throw error
    reading = { ...reading, ending: error.code, fault: error.message }
  }
  return reading
}
