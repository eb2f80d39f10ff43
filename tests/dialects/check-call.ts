import { expect } from 'vitest'
import type { Json } from './ask.ts'

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
const isOptional = (value: unknown, type: string) => value === undefined || typeof value === type

/** Whether Ollama would accept a message: every field has the type that Ollama's Go code needs. */
function isMessage(message: unknown): boolean {
  if (!isObject(message)) return false
  const { role, content, thinking, images = [], tool_calls: calls = [], tool_name, tool_call_id } = message
  return (
    typeof role === 'string' &&
    typeof content === 'string' &&
    [thinking, tool_name, tool_call_id].every((text) => isOptional(text, 'string')) &&
    (images as unknown[]).every((image) => typeof image === 'string') &&
    (calls as unknown[]).every(isCall)
  )
}

function isCall(call: unknown): boolean {
  if (!isObject(call) || !isObject(call.function)) return false
  const { name, arguments: given } = call.function
  return isOptional(call.id, 'string') && typeof name === 'string' && isObject(given)
}

function isTool(tool: unknown): boolean {
  if (!isObject(tool) || !isObject(tool.function)) return false
  const { name, description, parameters } = tool.function
  return typeof name === 'string' && isOptional(description, 'string') && (parameters === undefined || isObject(parameters))
}

/** Expects that Ollama's generate or chat would accept the type of every value in a body. */
export function checkBody({ messages = [], tools = [], options = {}, think, format, prompt, system, suffix }: Json) {
  expect((messages as unknown[]).filter((message) => !isMessage(message))).toEqual([])
  expect((tools as unknown[]).filter((tool) => !isTool(tool))).toEqual([])
  expect([prompt, system, suffix].filter((text) => !isOptional(text, 'string'))).toEqual([])
  expect(think === undefined || ['boolean', 'string'].includes(typeof think)).toBe(true)
  expect(format === undefined || format === 'json' || isObject(format)).toBe(true)
  expect(isObject(options)).toBe(true)
}

/**
 * Expects that a value of `x-sluice-ignored` is short and contains only our own field names,
 * indices and counts.
 */
export function checkHeader(header: string | undefined) {
  if (header === undefined) return
  expect(header.length).toBeLessThanOrEqual(1024)
  expect(header).toMatch(headerForm)
}

const name = '[a-z]+(?:_[a-z]+)*'
const path = `${name}(?:\\.(?:${name}|\\d+))*`
const headerForm = new RegExp(`^(?:${path}|\\+\\d+ more|\\+\\d+ unknown)(?:, (?:${path}|\\+\\d+ more|\\+\\d+ unknown))*$`)
