/** Streams a chat. */
export async function* streamChat(): AsyncGenerator<string> {
  yield ''
}
