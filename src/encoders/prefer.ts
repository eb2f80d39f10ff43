/**
 * Whether a `Prefer` header has the preference `status` (RFC 7240 §2) without a value. Its case and
 * its parameters do not matter. An empty value counts as none, and only the first preference of a
 * name counts. Several headers arrive as one list.
 */
export function prefersStatus(prefer = ''): boolean {
  // A quoted string may hold commas, so each is replaced. The pattern also matches a string without
  // its closing quote: otherwise a long one would take quadratic time.
  const names = prefer.replaceAll(/"(?:\\.?|[^"\\])*(?:"|$)/g, (quoted) => (quoted === '""' ? '' : '"')).split(',')
  const first = names.map((preference) => preference.split(';', 1)[0]!.split('=')).find(([name]) => isStatus(name!))
  return first !== undefined && (first[1] ?? '').trim() === ''
}

function isStatus(name: string): boolean {
  return name.trim().toLowerCase() === 'status'
}
