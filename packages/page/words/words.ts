import { computed, effect, signal } from '@preact/signals'
import { createStoredChoice } from '../storage/stored-choice.ts'
import type { Words } from './english.ts'

/** The name of each language in that language. */
export const languages = { en: 'English', 'zh-CN': '简体中文' } as const
export type Language = keyof typeof languages

/** The reader's choice. Without one, the first language of the browser that the page speaks. */
export const language = createStoredChoice<Language>('sluice-language', ['en', 'zh-CN'], toLanguage(navigator.languages))

const loaded = signal<Words | undefined>(undefined)

/**
 * What the page says, once `loadWords` has resolved for the first time. A component that reads it
 * speaks another language as soon as its words are there.
 */
export const words = computed<Words>(() => loaded.value!)

/**
 * Loads the words of the reader's language. Each language is a file of its own, because a reader
 * needs one of them.
 */
export async function loadWords(): Promise<void> {
  const chosen = language.peek()
  const news = chosen === 'en' ? (await import('./english.ts')).english : (await import('./chinese.ts')).chinese
  if (chosen === language.peek()) loaded.value = news
}

let isFirst = true
effect(() => {
  // The page loads its first words itself. If the words of another language do not come, the page
  // keeps its words.
  if (language.value && !isFirst) void loadWords().catch(() => {})
  isFirst = false
})

/** Chinese of any kind is easier than English for somebody whose browser asks for Chinese. */
function toLanguage(asked: readonly string[]): Language {
  const known = asked.map((tag) => tag.toLowerCase().split('-')[0]).find((name) => name === 'en' || name === 'zh')
  return known === 'zh' ? 'zh-CN' : 'en'
}
