import { computed, signal } from '@preact/signals'
import type { ReadonlySignal } from '@preact/signals'
import type { SafeStorage } from '../storage/safe-storage.ts'

/** The key of this page (docs/protocol.md#7-who-may-ask). */
export interface Key {
  /** `undefined` if there is no key. */
  current(): string | undefined
  readonly isSet: ReadonlySignal<boolean>
  set(key: string, isOnDevice: boolean): void
  forget(): void
}

/**
 * Stores the key for this tab, or for the device if the user wants that. If neither storage works,
 * the key lasts until the page is reloaded. `name` is that of its place in the storage.
 */
export function createKey(tab: SafeStorage, device: SafeStorage, name = 'sluice.key'): Key {
  const key = signal(tab.read(name) ?? device.read(name))
  const write = (next: string | undefined, isOnDevice: boolean) => {
    key.value = next
    tab.write(name, isOnDevice ? undefined : next)
    device.write(name, isOnDevice ? next : undefined)
  }
  return {
    current: () => key.peek(),
    isSet: computed(() => key.value !== undefined),
    set: write,
    forget: () => write(undefined, false),
  }
}

/**
 * Whether a text can be a key. A key is sent in a header, so it must consist of characters that a
 * header allows.
 */
export function isKey(text: string): boolean {
  return /^[\x21-\x7e]+$/.test(text)
}

export function toAuthorization(key: string | undefined): Record<string, string> {
  return key === undefined ? {} : { authorization: `Bearer ${key}` }
}
