import { createStoredChoice } from './stored-choice.ts'

/**
 * The `color-scheme` that the user has chosen, for all pages of this server. `theme.js` sets it
 * before a page is shown.
 */
export const theme = createStoredChoice('sluice-theme', ['light dark', 'light', 'dark'], 'light dark')
