import { computed, effect, signal } from '@preact/signals'
import type { Words } from './english.ts'
import { language } from './language.ts'

const loaded = signal<Words | undefined>(undefined)

/**
 * The words of the page. They are set when `loadWords` has resolved for the first time. When the
 * words of another language are loaded, every component that reads this signal renders again.
 */
export const words = computed<Words>(() => loaded.value!)

/**
 * Loads the words of the user's language. Each language is a separate file, because a user needs
 * only one.
 */
export async function loadWords(): Promise<void> {
  const chosen = language.peek()
  const news = chosen === 'en' ? (await import('./english.ts')).english : (await import('./chinese.ts')).chinese
  if (chosen === language.peek()) loaded.value = news
}

let isFirst = true
effect(() => {
  // The first run of this effect does nothing, because `renderApp` loads the first words. If
  // loading another language fails, the page keeps its current words.
  if (language.value && !isFirst) void loadWords().catch(() => {})
  isFirst = false
})
