import { effect, signal } from '@preact/signals'
import type { Signal } from '@preact/signals'
import { createSafeStorage } from './safe-storage.ts'

const device = createSafeStorage(window, 'localStorage')

/**
 * Creates a signal with one of a few values. Its value is stored on this device, if the browser
 * allows it.
 */
export function createStoredChoice<Value extends string>(
  name: string,
  values: readonly Value[],
  fallback: Value,
): Signal<Value> {
  const stored = device.read(name) as Value
  const choice = signal(values.includes(stored) ? stored : fallback)
  let isFirst = true
  effect(() => {
    const value = choice.value
    if (!isFirst) device.write(name, value)
    isFirst = false
  })
  return choice
}
