import { effect, signal } from '@preact/signals'
import type { Signal } from '@preact/signals'
import { createKeptTexts } from './kept-texts.ts'

const device = createKeptTexts(window, 'localStorage')

/** One of a few values, kept on this device where the browser allows that. */
export function createKeptChoice<Value extends string>(name: string, values: readonly Value[], fallback: Value): Signal<Value> {
  const kept = device.read(name) as Value
  const choice = signal(values.includes(kept) ? kept : fallback)
  let isFirst = true
  effect(() => {
    const value = choice.value
    if (!isFirst) device.write(name, value)
    isFirst = false
  })
  return choice
}
