import type { LogLine } from '../../src/middleware/access-log.ts'
import type { HostView, PoolView } from '../../src/pool/pool-view.ts'

/** Fields of a line. A field that is undefined is left out. */
export type LineFields = { readonly [Field in keyof LogLine]?: LogLine[Field] | undefined }

/** A line of the log. Without other fields, it is that of a generation that is done. */
export function toLine(fields: LineFields = {}): LogLine {
  return {
    time: '2026-11-28T12:00:00.000Z',
    request_id: 'id',
    method: 'POST',
    route: '/api/chat',
    status: 200,
    duration_ms: 1200,
    surface: 'native',
    model: 'gemma3',
    ended: 'done',
    ttft_ms: 200,
    tokens_in: 7,
    tokens: 11,
    bytes: 99,
    ...(fields as Partial<LogLine>),
  }
}

/** What is known of some hosts. */
export function toPool(...hosts: readonly Partial<HostView>[]): PoolView {
  const host = { tier: 1, isUp: true, breaker: 'closed', inFlight: 0, max: 0, loaded: [], installed: [] } as const
  return { hosts: hosts.map((fields, i) => ({ name: `host${i}`, ...host, ...fields })), waiting: 0 }
}
