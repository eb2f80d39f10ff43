import { createParser } from 'eventsource-parser'
import { toDeltaLine, toDoneLine } from '#fake-ollama/ollama-lines.ts'
import type { Exchange } from '#fake-ollama/upstream.ts'
import type { Head } from './reader.ts'

/** An SSE event with its id. */
export interface Frame {
  readonly id: string | undefined
  readonly event: string | undefined
  readonly data: string
}

/** Parses the complete events of a stream. Half an event at the end is dropped, as browsers do. */
export function toFrames(text: string): Frame[] {
  const frames: Frame[] = []
  const parser = createParser({ onEvent: ({ id, event, data }) => frames.push({ id, event, data }) })
  parser.feed(text)
  return frames
}

/** Returns the bytes that belong to the answer. The opening and the heartbeats do not. */
export const toRecorded = (text: string): string => text.replaceAll(/^:\n|^event: ping\n.*\n\n/gm, '')

/** Returns the path of the run that answers a request, from the head of the response. */
export function toRunPath({ headers }: Head): string {
  const path = headers['content-location']
  if (path === undefined || !/^\/streams\/[\da-zA-Z]+$/.test(path)) throw new Error(`No run has this location: ${path}`)
  return path
}

/** Sends one more token of an answer. */
export function say(exchange: Exchange, text: string) {
  exchange.chunk(`${toDeltaLine(exchange.request, text)}\n`)
}

/** Ends an answer with a done line. */
export function finish(exchange: Exchange) {
  exchange.chunk(`${toDoneLine(exchange.request, 1)}\n`)
  exchange.end()
}
