/** What a setting may be. Ollama takes more, and does odd things with it. */
export const limits = {
  temperature: { least: 0, most: 2, isWhole: false },
  numCtx: { least: 512, most: 1_048_576, isWhole: true },
  /** -1: as many as it takes. */
  numPredict: { least: -1, most: 1_048_576, isWhole: true },
  seed: { least: 0, most: 2 ** 31 - 1, isWhole: true },
} as const

export type NumberSetting = keyof typeof limits

export type Mistake = 'not_a_number' | 'not_whole' | 'too_small' | 'too_large' | 'not_a_duration'

/** A setting as it was typed, or what is wrong with it; nothing typed is undefined: the default. */
export type Parsed<T> = { readonly value: T | undefined } | { readonly mistake: Mistake }

/** `most`: less than the limit, as the context of the model is for `numCtx`. */
export function parseNumber(name: NumberSetting, typed: string, most: number = limits[name].most): Parsed<number> {
  const { least, isWhole } = limits[name]
  const text = typed.trim().replace(',', '.')
  if (text === '') return { value: undefined }
  if (!/^-?\d*\.?\d+$/.test(text)) return { mistake: 'not_a_number' }
  const value = Number(text)
  if (isWhole && !Number.isInteger(value)) return { mistake: 'not_whole' }
  if (value < least || (name === 'numPredict' && value === 0)) return { mistake: 'too_small' }
  return value > most ? { mistake: 'too_large' } : { value }
}

/** How long a model stays loaded: seconds, a duration as Go writes it (`5m`, `1h30m`), or -1, for ever. */
export function parseKeepAlive(typed: string): Parsed<string> {
  const text = typed.trim()
  if (text === '') return { value: undefined }
  return /^(?:-1|\d{1,9}|(?:\d{1,9}(?:\.\d{1,3})?(?:ms|s|m|h)){1,4})$/.test(text)
    ? { value: text }
    : { mistake: 'not_a_duration' }
}
