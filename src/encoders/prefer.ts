/**
 * Whether a `Prefer` header contains this preference (RFC 7240 §2) without a value. Case and
 * parameters do not matter. An empty value is the same as no value. If the preference appears
 * twice, the second one is ignored. `prefer` may contain several headers, joined with commas.
 */
export function prefers(preference: 'status' | 'default-model', prefer = ''): boolean {
  // Quoted strings are replaced, because they may contain commas. The pattern also matches a string
  // without a closing quote. Otherwise the search could take quadratic time in a long header.
  const names = prefer.replaceAll(/"(?:\\.?|[^"\\])*(?:"|$)/g, (quoted) => (quoted === '""' ? '' : '"')).split(',')
  const first = names
    .map((entry) => entry.split(';', 1)[0]!.split('='))
    .find(([name]) => name!.trim().toLowerCase() === preference)
  return first !== undefined && (first[1] ?? '').trim() === ''
}
