import { createStoredChoice } from '../storage/stored-choice.ts'

/** The name of each language in that language. */
export const languages = { en: 'English', 'zh-CN': '简体中文' } as const
export type Language = keyof typeof languages

/**
 * The language that the user has chosen, for all pages of this server. By default, it is the first
 * of the browser's languages that the pages support.
 */
export const language = createStoredChoice<Language>('sluice-language', ['en', 'zh-CN'], toLanguage(navigator.languages))

/**
 * Returns the language of the pages for the browser's languages. Any kind of Chinese is mapped to
 * Simplified Chinese, because it is easier to read than English for somebody whose browser asks for
 * Chinese.
 */
function toLanguage(asked: readonly string[]): Language {
  const known = asked.map((tag) => tag.toLowerCase().split('-')[0]).find((name) => name === 'en' || name === 'zh')
  return known === 'zh' ? 'zh-CN' : 'en'
}
