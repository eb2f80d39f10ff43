import type { LogLine } from '../middleware/access-log.ts'

/**
 * Returns a function that writes the access log as text: JSON for machines, or a short line for
 * people. `write` must add the line break.
 */
export function createLog(mode: 'pretty' | 'json' | 'silent', write: (line: string) => void): (line: LogLine) => void {
  if (mode === 'silent') return () => {}
  if (mode === 'json') return (line) => write(JSON.stringify(line))
  return (line) => write(toPretty(line))
}

function toPretty({ time, method, route, status, duration_ms, ended, code, model, ttft_ms, tokens, cause }: LogLine): string {
  const parts = [time.slice(11, 19), status, method.padEnd(4), route, ended, code, model]
  if (ttft_ms !== undefined) parts.push(`first token ${ttft_ms} ms`)
  if (tokens !== undefined) parts.push(`${tokens} tokens`)
  parts.push(`${duration_ms} ms`)
  if (cause) parts.push(`(${cause})`)
  return parts.filter((part) => part !== undefined).join(' ')
}
