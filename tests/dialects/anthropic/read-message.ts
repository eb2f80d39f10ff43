import { readEvents } from '../../encoders/read-events.ts'

export interface ReadBlock {
  readonly type: string
  readonly [field: string]: unknown
  /** The pieces in which the block's text, thinking or input arrived. */
  readonly pieces: string[]
}

/** The message that a client builds from a stream, and how the stream ended. */
export interface ReadMessage {
  start?: object
  content: ReadBlock[]
  /** The content of `message_delta`. */
  end?: object
  isStopped?: true
  error?: object
}

interface Data {
  readonly type: string
  readonly message?: object
  readonly index?: number
  readonly content_block?: Omit<ReadBlock, 'pieces'>
  readonly delta?: Readonly<Record<string, string>>
}

const fields: Readonly<Record<string, string>> = {
  text_delta: 'text',
  thinking_delta: 'thinking',
  input_json_delta: 'partial_json',
}

/**
 * Reads a stream as the documentation describes it, without our code
 * (https://docs.claude.com/en/docs/build-with-claude/streaming).
 * @throws Error if the events are out of order
 */
export function readMessage(pieces: readonly Uint8Array[]): ReadMessage[] {
  const message: ReadMessage = { content: [] }
  let open: ReadBlock | undefined
  const expect = (holds: boolean, data: Data) => {
    if (!holds) throw new Error(`Out of order: ${JSON.stringify(data)} after ${JSON.stringify(message)}`)
  }

  const events = readEvents(pieces).filter(({ event }) => event !== 'ping')
  for (const { event, data: text, id } of events) {
    const data = JSON.parse(text) as Data
    expect(event === data.type && id === undefined && !message.isStopped && !message.error, data)
    if (data.type === 'message_start') {
      expect(!message.start, data)
      message.start = data.message!
    } else if (data.type === 'error') {
      message.error = data
    } else {
      expect(Boolean(message.start), data)
      if (data.type === 'content_block_start') {
        expect(!open && !message.end && data.index === message.content.length, data)
        open = { ...(data.content_block as ReadBlock), pieces: [] }
        message.content.push(open)
      } else if (data.type === 'content_block_delta') {
        expect(open !== undefined && data.index === message.content.length - 1, data)
        open!.pieces.push(data.delta![fields[data.delta!.type!]!]!)
      } else if (data.type === 'content_block_stop') {
        expect(open !== undefined && data.index === message.content.length - 1, data)
        open = undefined
      } else if (data.type === 'message_delta') {
        expect(!open && !message.end, data)
        message.end = data
      } else if (data.type === 'message_stop') {
        expect(Boolean(message.end), data)
        message.isStopped = true
      } else expect(false, data)
    }
  }
  return events.length === 0 ? [] : [message]
}
