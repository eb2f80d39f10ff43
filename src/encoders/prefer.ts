import { splitList } from './split-list.ts'

/** The preferences that Sluice knows (RFC 7240 §2). */
type Preference = 'status' | 'default-model' | 'resume'

/**
 * Whether a `Prefer` header contains this preference without a value. `prefer` may contain several
 * headers, joined with commas.
 */
export function prefers(preference: Preference, prefer?: string): boolean {
  return toValue(preference, prefer) === ''
}

/**
 * Returns how many seconds a stream may go on without a reader, after a `Prefer: resume=SECONDS`.
 * `resume` alone asks for the most. The result is 0 if the header asks for nothing, or if the value
 * is not a number of seconds.
 */
export function toResumeSeconds(prefer: string | undefined, maxSeconds: number): number {
  const value = toValue('resume', prefer)
  if (value === '') return maxSeconds
  return value !== undefined && /^\d+$/.test(value) ? Math.min(Number(value), maxSeconds) : 0
}

/**
 * Returns the value of a preference, and undefined if the header does not contain it. Case and
 * parameters do not matter. No value is the same as an empty value. If the preference appears
 * twice, the second one is ignored.
 */
function toValue(preference: Preference, prefer = ''): string | undefined {
  const first = splitList(prefer)
    .map((entry) => entry.split(';', 1)[0]!.split('='))
    .find(([name]) => name!.trim().toLowerCase() === preference)
  return first && (first[1] ?? '').trim()
}
