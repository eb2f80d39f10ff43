/**
 * Parses what another process has written as JSON. All fields can be missing, because others than
 * Sluice can write to Redis, too. Empty if the text is no object of JSON.
 */
export function parseMessage<Message extends object>(text: string): Partial<Message> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}
