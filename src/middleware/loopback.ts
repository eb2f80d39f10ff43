/**
 * Returns the name in a `Host` header in lower case, without its port and its trailing dot. Returns
 * undefined if the header does not name exactly one host. Node and Bun join two `Host` headers into
 * one, such as `a, b` (docs/hazards.md#42).
 */
export function toHostName(host: string): string | undefined {
  const [, name] = /^(\[[\da-f:.]+\]|[\w.-]+)(?::\d{1,5})?$/i.exec(host) ?? []
  return name?.toLowerCase().replace(/\.$/, '')
}

/** Whether a name always means this machine (RFC 6761 §6.3). */
export function isLoopbackName(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost') || /^127(?:\.\d{1,3}){3}$/.test(name) || name === '[::1]'
}

/** Whether the IP address of a peer is one of this machine. */
export function isLoopbackAddress(address: string): boolean {
  return address === '::1' || /^(?:::ffff:)?127(?:\.\d{1,3}){3}$/i.test(address)
}
