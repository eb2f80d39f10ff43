import { expect } from 'vitest'
import type { GenerationEvent } from '../../../../src/generation.ts'
import { readEvents } from '../../../encoders/read-events.ts'

type Json = Readonly<Record<string, unknown>>
export interface ResponseEvent extends Json {
  readonly type: string
  readonly sequence_number: number
  readonly item_id?: string
  readonly output_index?: number
  readonly delta?: string
  readonly text?: string
  readonly arguments?: string
  readonly item?: Item
  readonly response?: Json & { readonly output: readonly Item[]; readonly status: string }
}
type Item = Json & { readonly id: string; readonly type: string; readonly status: string }

/** The content of an item: text, or a call of a tool. */
export type Said = { type: 'message' | 'reasoning'; text: string } | { type: 'function_call'; name: string; arguments: string }

/**
 * Reads the typed events of a stream. Each event's name must be its type. The events must be
 * numbered from 0.
 */
export function readTypedEvents(pieces: readonly Uint8Array[]): ResponseEvent[] {
  return readEvents(pieces).map(({ event, data, id }, index) => {
    const typed = JSON.parse(data) as ResponseEvent
    expect(id).toBeUndefined()
    expect(typed).toMatchObject({ type: event, sequence_number: index })
    return typed
  })
}

/** Returns the content of a finished item. */
export function toSaid(item: Item): Said {
  if (item.type === 'function_call') return { type: item.type, name: String(item.name), arguments: String(item.arguments) }
  const parts = (item.type === 'message' ? item.content : item.summary) as readonly { text: string }[]
  expect(parts).toHaveLength(1)
  return { type: item.type as 'message', text: parts[0]!.text }
}

/**
 * Puts the content together from the deltas alone, as a client would. It compares every finished
 * item with its deltas.
 */
export function accumulate(events: readonly ResponseEvent[]): Said[] {
  const said: Said[] = []
  const ids: string[] = []
  for (const event of events) {
    const { type, output_index: index = -1, item } = event
    if (type === 'response.output_item.added') {
      expect(index).toBe(said.length)
      ids.push(item!.id)
      if (item!.type === 'function_call') said.push({ type: 'function_call', name: String(item!.name), arguments: '' })
      else said.push({ type: item!.type as 'message', text: '' })
    }
    if (event.item_id !== undefined) expect(event.item_id).toBe(ids[index])
    const one = said[index]
    if (type.endsWith('.delta')) {
      if (one!.type === 'function_call') one!.arguments += event.delta!
      else one!.text += event.delta!
    }
    if (type.endsWith('text.done')) expect(one).toMatchObject({ text: event.text })
    if (type.endsWith('arguments.done')) expect(one).toMatchObject({ arguments: event.arguments })
    if (type === 'response.output_item.done') {
      expect(item!.id).toBe(ids[index])
      expect(toSaid(item!)).toEqual(one)
    }
  }
  return said
}

/**
 * Returns the content that `accumulate` must return, made from Ollama's lines. Consecutive text of
 * one kind is one item, and each call is one item.
 */
export function toExpected(events: readonly GenerationEvent[]): Said[] {
  const said: Said[] = []
  const say = (type: 'message' | 'reasoning', text: string | undefined) => {
    const last = said.at(-1)
    if (!text) return
    if (last?.type === type) last.text += text
    else said.push({ type, text })
  }
  for (const event of events) {
    if (event.type === 'failed') continue
    const { thinking, content, tool_calls: calls = [] } = event.chunk.message ?? {}
    say('reasoning', thinking)
    say('message', content)
    for (const call of calls as readonly { function: { name: string; arguments: object } }[])
      said.push({
        type: 'function_call',
        name: call.function.name,
        arguments: JSON.stringify(call.function.arguments),
      })
  }
  return said
}
