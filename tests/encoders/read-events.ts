import { createParser, type EventSourceMessage } from 'eventsource-parser'

/** Reads SSE with the parser that the AI SDK and MCP use. The bytes may be cut anywhere. */
export function readEvents(pieces: readonly Uint8Array[]): EventSourceMessage[] {
  const events: EventSourceMessage[] = []
  const decoder = new TextDecoder()
  const parser = createParser({
    onEvent: (event) => void events.push(event),
    onError: (error) => {
      throw error
    },
  })
  for (const piece of pieces) parser.feed(decoder.decode(piece, { stream: true }))
  parser.feed(decoder.decode())
  return events
}
