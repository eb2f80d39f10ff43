/**
 * Returns 96 random bits as text for addresses and headers. `crypto.randomUUID` is not used,
 * because it is missing on plain HTTP in a local network.
 */
export function createId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
