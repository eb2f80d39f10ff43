import { toFrame } from '../../encoders/frame.ts'

/** One chunk of a UI message stream. */
export function toChunk(chunk: { readonly type: string; readonly [field: string]: unknown }): string {
  return toFrame(JSON.stringify(chunk))
}
