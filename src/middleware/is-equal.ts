/**
 * Compares in a time that does not depend on where `a` and `b` differ. The benchmark `key-timing`
 * measures this.
 */
export function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.byteLength ^ b.byteLength
  for (let i = 0; i < b.byteLength; i++) difference |= a[i]! ^ b[i]!
  return difference === 0
}
