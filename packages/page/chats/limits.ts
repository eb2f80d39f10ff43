import { isDuration } from '#ollama-grammar/duration.ts'

/** The names of the settings that are numbers. */
export type NumberSetting = 'temperature' | 'numCtx' | 'numPredict' | 'seed'

export interface Limit {
  readonly min: number
  readonly max: number
  readonly isWhole: boolean
}

/** Why a typed text is not a valid setting. */
export type Mistake = 'number' | 'whole' | 'range'

/**
 * A valid value or a mistake. `undefined` means that the field is empty, so the server's default
 * applies.
 */
export type Parsed<T> = { readonly value: T | undefined } | { readonly mistake: Mistake }

/** Ollama stores these numbers in 32 bits. */
const maxInt = 2 ** 31 - 1

const limits: Readonly<Record<NumberSetting, Limit>> = {
  temperature: { min: 0, max: 2, isWhole: false },
  numCtx: { min: 512, max: 2 ** 20, isWhole: true },
  numPredict: { min: 1, max: maxInt, isWhole: true },
  seed: { min: 0, max: maxInt, isWhole: true },
}

/** Returns the limits of a setting. `contextLength` is the model's maximum, in tokens. */
export function toLimit(name: NumberSetting, contextLength?: number): Limit {
  const { min, max, isWhole } = limits[name]
  if (name !== 'numCtx' || contextLength === undefined) return { min, max, isWhole }
  return { min: Math.min(min, contextLength), max: Math.min(max, contextLength), isWhole }
}

/** Whether a setting may have this value. `numPredict` may also be -1, which means no limit. */
export function isAllowed(name: NumberSetting, value: number, contextLength?: number): boolean {
  const { min, max, isWhole } = toLimit(name, contextLength)
  if (name === 'numPredict' && value === -1) return true
  return value >= min && value <= max && (!isWhole || Number.isInteger(value))
}

/**
 * Parses a number that a person typed. It also accepts the wide digits of a Chinese keyboard, and a
 * decimal comma.
 */
export function parseNumber(name: NumberSetting, typed: string, contextLength?: number): Parsed<number> {
  const text = toPlain(typed).replace(',', '.')
  if (text === '') return { value: undefined }
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)$/.test(text)) return { mistake: 'number' }
  const value = Number(text)
  if (isAllowed(name, value, contextLength)) return { value }
  return { mistake: limits[name].isWhole && !Number.isInteger(value) ? 'whole' : 'range' }
}

/**
 * Whether the text is a valid time for a model to stay in memory: seconds, a duration, or -1 for
 * ever. Other negative numbers are not allowed, because they all mean the same as -1. A number with
 * so many digits that it may overflow Ollama's duration type is not allowed either.
 */
export function isKeepAlive(text: string): boolean {
  return text === '-1' || /^\d{1,9}$/.test(text) || (isDuration(text) && !/^-|\d{7}/.test(text))
}

function toPlain(typed: string): string {
  return typed.normalize('NFKC').replaceAll(/\s/g, '')
}
