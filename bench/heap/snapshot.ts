import { readFile } from 'node:fs/promises'

/** As V8 writes it: nodes are rows of a table with these fields, one after the other in one array. */
interface Snapshot {
  snapshot: { meta: { node_fields: string[]; node_types: (string | string[])[] } }
  nodes: number[]
  strings: string[]
}

/** How many there are of something, and how many bytes they take themselves, without what they refer to. */
export interface Share {
  count: number
  bytes: number
}

/** These have a constructor, a function or a C++ class as their name; the name of a string is its text. */
const NAMED = new Set(['object', 'native', 'closure', 'hidden', 'object shape'])

/**
 * What a heap snapshot holds, by constructor.
 * @throws Error when the file is no snapshot
 */
export async function readShares(file: string): Promise<Map<string, Share>> {
  const { snapshot, nodes, strings } = JSON.parse(await readFile(file, 'utf8')) as Snapshot
  const { node_fields: fields, node_types: types } = snapshot.meta
  const [type, name, size] = ['type', 'name', 'self_size'].map((field) => fields.indexOf(field)) as [number, number, number]
  const shares = new Map<string, Share>()
  for (let at = 0; at < nodes.length; at += fields.length) {
    const kind = types[type]?.[nodes[at + type] ?? 0] ?? ''
    const constructor = NAMED.has(kind) ? strings[nodes[at + name] ?? 0] : ''
    const key = kind === 'object' || kind === 'native' ? `${constructor}` : `(${kind}) ${constructor}`.trim()
    const share = shares.get(key) ?? { count: 0, bytes: 0 }
    share.count++
    share.bytes += nodes[at + size] ?? 0
    shares.set(key, share)
  }
  return shares
}
