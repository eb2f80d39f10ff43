/**
 * Whether a `Prefer` header has the preference `status` (RFC 7240 §2) without a value. The case
 * and the parameters do not matter. An empty value is the same as no value. If a preference
 * appears twice, only the first counts. Several headers arrive as one list.
 */
export function prefersStatus(prefer = ''): boolean {
  // Quoted strings are replaced, because they may hold commas. The pattern also matches a string
  // without its closing quote, because a long one would otherwise take quadratic time.
  const names = prefer.replaceAll(/"(?:\\.?|[^"\\])*(?:"|$)/g, (quoted) => (quoted === '""' ? '' : '"')).split(',')
  const first = names.map((preference) => preference.split(';', 1)[0]!.split('=')).find(([name]) => isStatus(name!))
  return first !== undefined && (first[1] ?? '').trim() === ''
}

function isStatus(name: string): boolean {
  return name.trim().toLowerCase() === 'status'
}
