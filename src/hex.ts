const hexOfByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Returns bytes as hex digits in lower case. */
export function toHex(bytes: Uint8Array): string {
  let hex = ''
  for (const byte of bytes) hex += hexOfByte[byte]
  return hex
}

/** Returns random bytes as hex digits in lower case. */
export function toRandomHex(byteLength: number): string {
  return toHex(crypto.getRandomValues(new Uint8Array(byteLength)))
}
