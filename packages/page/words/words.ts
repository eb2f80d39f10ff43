import { computed } from '@preact/signals'
import { createKeptChoice } from '../storage/kept-choice.ts'
import { chinese } from './chinese.ts'
import { english } from './english.ts'
import type { Words } from './english.ts'

export const languages = { en: english, 'zh-CN': chinese } as const satisfies Record<string, Words>
export type Language = keyof typeof languages

/** The reader's choice, or the first language of the browser that the page speaks. */
export const language = createKeptChoice<Language>('sluice-language', ['en', 'zh-CN'], toLanguage(navigator.languages))

/** What the page says; a component that reads it speaks another language at once. */
export const words = computed<Words>(() => languages[language.value])

/** Chinese of any kind is read more easily than English by who asks for it. */
function toLanguage(asked: readonly string[]): Language {
  const known = asked.map((tag) => tag.toLowerCase().split('-')[0]).find((name) => name === 'en' || name === 'zh')
  return known === 'zh' ? 'zh-CN' : 'en'
}
