/**
 * Splits a header that is a list, such as `Accept` or `Prefer`. A quoted number loses its quotes.
 * Any other quoted string becomes a single `"`, because it may contain commas, and nobody needs it.
 */
export function splitList(header: string): string[] {
  // The pattern also matches a string without a closing quote. Otherwise the search could take
  // quadratic time in a long header.
  return header.replaceAll(/"(?:\\.?|[^"\\])*(?:"|$)/g, (quoted) => /^"([\d.]*)"$/.exec(quoted)?.[1] ?? '"').split(',')
}
