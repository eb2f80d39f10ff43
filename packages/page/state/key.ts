import { computed, signal } from '@preact/signals'
import type { ReadonlySignal } from '@preact/signals'
import type { KeptTexts } from '../storage/kept-texts.ts'

/** The key of this page (docs/protocol.md#7-who-may-ask). */
export interface Key {
  /** `undefined` if there is no key. */
  current(): string | undefined
  readonly isThere: ReadonlySignal<boolean>
  keep(key: string, isOnDevice: boolean): void
  forget(): void
}

const name = 'sluice.key'

/**
 * The key is stored for this tab, or for the device if its owner wants that. If neither storage
 * takes the key, the key lasts until the reload.
 */
export function createKey(tab: KeptTexts, device: KeptTexts): Key {
  const key = signal(tab.read(name) ?? device.read(name))
  const write = (next: string | undefined, isOnDevice: boolean) => {
    key.value = next
    tab.write(name, isOnDevice ? undefined : next)
    device.write(name, isOnDevice ? next : undefined)
  }
  return {
    current: () => key.peek(),
    isThere: computed(() => key.value !== undefined),
    keep: write,
    forget: () => write(undefined, false),
  }
}

/** Whether a text can be a key. A text that no header can carry cannot be sent. */
export function isKey(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text)
}

export function toAuthorization(key: string | undefined): Record<string, string> {
  return key === undefined ? {} : { authorization: `Bearer ${key}` }
}
