import { readFile } from 'node:fs/promises'

/**
 * The format of V8's heap snapshots. `nodes` is a table in one flat array, row after row.
 * `node_fields` lists the names of the columns.
 */
interface Snapshot {
  snapshot: { meta: { node_fields: string[]; node_types: (string | string[])[] } }
  nodes: number[]
  strings: string[]
}

/**
 * The number of objects with one name, and the sum of their own sizes. The size of an object does
 * not include the objects that it refers to.
 */
export interface Share {
  count: number
  bytes: number
}

/**
 * The types whose nodes are named after a constructor, a function or a C++ class. Nodes of other
 * types are not summed by name. A string, for example, is named after its own text.
 */
const NAMED = new Set(['object', 'native', 'closure', 'hidden', 'object shape'])

/**
 * Returns the number and the size of the objects in a heap snapshot, by constructor.
 * @throws Error if the file is no snapshot
 */
export async function readShares(file: string): Promise<Map<string, Share>> {
  const { snapshot, nodes, strings } = JSON.parse(await readFile(file, 'utf8')) as Snapshot
  const { node_fields: fields, node_types: types } = snapshot.meta
  const [type, name, size] = ['type', 'name', 'self_size'].map((field) => fields.indexOf(field)) as [number, number, number]
  const shares = new Map<string, Share>()
  for (let offset = 0; offset < nodes.length; offset += fields.length) {
    const kind = types[type]?.[nodes[offset + type] ?? 0] ?? ''
    const constructor = NAMED.has(kind) ? strings[nodes[offset + name] ?? 0] : ''
    const key = kind === 'object' || kind === 'native' ? `${constructor}` : `(${kind}) ${constructor}`.trim()
    const share = shares.get(key) ?? { count: 0, bytes: 0 }
    share.count++
    share.bytes += nodes[offset + size] ?? 0
    shares.set(key, share)
  }
  return shares
}
