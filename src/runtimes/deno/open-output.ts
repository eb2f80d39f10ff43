import type { Output } from '../log-sink.ts'

declare const Deno: { stdout: { writable: WritableStream<Uint8Array> } }

const utf8 = new TextEncoder()

/**
 * Standard output. `process.stdout` would block, and every stream with it, while nobody reads
 * (docs/hazards.md#117).
 */
export function openOutput(): Output {
  const writer = Deno.stdout.writable.getWriter()
  return {
    write(text, onWritten) {
      writer.write(utf8.encode(text)).then(onWritten, onWritten)
    },
    on: () => {},
  }
}
