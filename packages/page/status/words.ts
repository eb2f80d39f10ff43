import { computed } from '@preact/signals'
import { language } from '../words/language.ts'
import { chinese } from './chinese.ts'
import { english } from './english.ts'

/** The words of the user's language. Both languages are in the page, because they are small. */
export const words = computed(() => (language.value === 'en' ? english : chinese))
