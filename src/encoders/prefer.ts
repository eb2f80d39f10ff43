/**
 * Whether a `Prefer` header has the bare preference `status` (RFC 7240 §2): in any case, with whatever parameters; the first of a name counts, and
 * an empty value is none. Several headers reach us as one list.
 */
export function prefersStatus(prefer = ''): boolean {
  // What is quoted may hold commas. It matches without its end too, or a long one would take quadratic time.
  const names = prefer.replaceAll(/"(?:\\.?|[^"\\])*(?:"|$)/g, (quoted) => (quoted === '""' ? '' : '"')).split(',')
  const first = names.map((preference) => preference.split(';', 1)[0]!.split('=')).find(([name]) => isStatus(name!))
  return first !== undefined && (first[1] ?? '').trim() === ''
}

function isStatus(name: string): boolean {
  return name.trim().toLowerCase() === 'status'
}
