/**
 * Whether a `Prefer` header has a preference (RFC 7240 §2) without a value. The case
 * and the parameters do not matter. An empty value is the same as no value. If a preference
 * appears twice, only the first counts. Several headers arrive as one list.
 */
export function prefers(preference: 'status' | 'default-model', prefer = ''): boolean {
  // Quoted strings are replaced, because they may hold commas. The pattern also matches a string
  // without its closing quote, because a long one would otherwise take quadratic time.
  const names = prefer.replaceAll(/"(?:\\.?|[^"\\])*(?:"|$)/g, (quoted) => (quoted === '""' ? '' : '"')).split(',')
  const first = names
    .map((entry) => entry.split(';', 1)[0]!.split('='))
    .find(([name]) => name!.trim().toLowerCase() === preference)
  return first !== undefined && (first[1] ?? '').trim() === ''
}
