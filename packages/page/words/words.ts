import { computed, effect, signal } from '@preact/signals'
import { createStoredChoice } from '../storage/stored-choice.ts'
import type { Words } from './english.ts'

/** The name of each language in that language. */
export const languages = { en: 'English', 'zh-CN': '简体中文' } as const
export type Language = keyof typeof languages

/**
 * The language that the user has chosen. By default, it is the first of the browser's languages
 * that the page supports.
 */
export const language = createStoredChoice<Language>('sluice-language', ['en', 'zh-CN'], toLanguage(navigator.languages))

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

/**
 * Returns the page's language for the browser's languages. Any kind of Chinese is mapped to
 * Simplified Chinese, because it is easier to read than English for somebody whose browser asks for
 * Chinese.
 */
function toLanguage(asked: readonly string[]): Language {
  const known = asked.map((tag) => tag.toLowerCase().split('-')[0]).find((name) => name === 'en' || name === 'zh')
  return known === 'zh' ? 'zh-CN' : 'en'
}
