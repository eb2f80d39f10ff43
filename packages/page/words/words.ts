import { computed } from '@preact/signals'
import { createKeptChoice } from '../storage/kept-choice.ts'
import { chinese } from './chinese.ts'
import { english } from './english.ts'
import type { Words } from './english.ts'

export const languages = { en: english, 'zh-CN': chinese } as const satisfies Record<string, Words>
export type Language = keyof typeof languages

/** The reader's choice. Without one, the first language of the browser that the page speaks. */
export const language = createKeptChoice<Language>('sluice-language', ['en', 'zh-CN'], toLanguage(navigator.languages))

/** The words of the page. A component that reads them changes its language at once. */
export const words = computed<Words>(() => languages[language.value])

/** Any Chinese locale gets Simplified Chinese rather than English. */
function toLanguage(asked: readonly string[]): Language {
  const known = asked.map((tag) => tag.toLowerCase().split('-')[0]).find((name) => name === 'en' || name === 'zh')
  return known === 'zh' ? 'zh-CN' : 'en'
}
