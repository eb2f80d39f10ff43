import { isDuration } from '#ollama-grammar/duration.ts'

/** Settings that are numbers. */
export type NumberSetting = 'temperature' | 'numCtx' | 'numPredict' | 'seed'

export interface Limit {
  readonly min: number
  readonly max: number
  readonly isWhole: boolean
}

/** Why what was typed is no setting. */
export type Mistake = 'number' | 'whole' | 'range'

/** Undefined: the field is empty, the server's default holds. */
export type Parsed<T> = { readonly value: T | undefined } | { readonly mistake: Mistake }

/** Ollama's own numbers are 32 bits wide. */
const maxInt = 2 ** 31 - 1

const limits: Readonly<Record<NumberSetting, Limit>> = {
  temperature: { min: 0, max: 2, isWhole: false },
  numCtx: { min: 512, max: 2 ** 20, isWhole: true },
  numPredict: { min: 1, max: maxInt, isWhole: true },
  seed: { min: 0, max: maxInt, isWhole: true },
}

/** Of a setting; `contextLength` is the most that the model can take, in tokens. */
export function toLimit(name: NumberSetting, contextLength?: number): Limit {
  const { min, max, isWhole } = limits[name]
  if (name !== 'numCtx' || contextLength === undefined) return { min, max, isWhole }
  return { min: Math.min(min, contextLength), max: Math.min(max, contextLength), isWhole }
}

/** Whether a setting may have this value; -1 is `numPredict` without a limit. */
export function isAllowed(name: NumberSetting, value: number, contextLength?: number): boolean {
  const { min, max, isWhole } = toLimit(name, contextLength)
  if (name === 'numPredict' && value === -1) return true
  return value >= min && value <= max && (!isWhole || Number.isInteger(value))
}

/** A number as people type it: in the wide digits of a Chinese keyboard, or with a decimal comma. */
export function parseNumber(name: NumberSetting, typed: string, contextLength?: number): Parsed<number> {
  const text = toPlain(typed).replace(',', '.')
  if (text === '') return { value: undefined }
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)$/.test(text)) return { mistake: 'number' }
  const value = Number(text)
  if (isAllowed(name, value, contextLength)) return { value }
  return { mistake: limits[name].isWhole && !Number.isInteger(value) ? 'whole' : 'range' }
}

/**
 * How long a model stays in memory: seconds, a duration, or -1 for always. No other number below zero, because all of them mean
 * -1; and none so long that Go could not hold it.
 */
export function isKeepAlive(text: string): boolean {
  return text === '-1' || /^\d{1,9}$/.test(text) || (isDuration(text) && !/^-|\d{7}/.test(text))
}

function toPlain(typed: string): string {
  return typed.normalize('NFKC').replaceAll(/\s/g, '')
}
