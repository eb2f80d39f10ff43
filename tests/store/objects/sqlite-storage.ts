import { DatabaseSync } from 'node:sqlite'
import { deserialize, serialize } from 'node:v8'
import type { ObjectStorage } from '../../../src/store/objects/storage.ts'

/** The storage of a Durable Object, over SQLite of Node. It outlives the code that uses it. */
export interface SqliteStorage extends ObjectStorage {
  /** The time of the alarm. Undefined if none is set. */
  readonly alarm: number | undefined
  /** How many values were written so far. */
  readonly writes: number
  keys(): string[]
}

const maxValueBytes = 2_000_000

export function createSqliteStorage(): SqliteStorage {
  const database = new DatabaseSync(':memory:')
  database.exec('CREATE TABLE kv (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID')
  let alarm: number | undefined
  let writes = 0

  return {
    async get<Value>(key: string) {
      const row = database.prepare('SELECT value FROM kv WHERE key = ?').get(key)
      return row && (deserialize(row.value as Uint8Array) as Value)
    },
    async list<Value>({ prefix, start = '', end, reverse = false, limit = -1 }: Parameters<ObjectStorage['list']>[0]) {
      const order = reverse ? 'DESC' : 'ASC'
      const rows = database
        .prepare(
          `SELECT key, value FROM kv WHERE substr(key, 1, length(?1)) = ?1 AND key < ?2 AND key >= ?4 ORDER BY key ${order} LIMIT ?3`,
        )
        .all(prefix, end ?? '\u{10ffff}', limit, start)
      return new Map(rows.map(({ key, value }) => [String(key), deserialize(value as Uint8Array) as Value]))
    },
    async put(key, value) {
      const bytes = serialize(value)
      if (key.length + bytes.byteLength > maxValueBytes) throw new RangeError('The value is longer than 2 MB')
      writes++
      database.prepare('INSERT OR REPLACE INTO kv VALUES (?, ?)').run(key, bytes)
    },
    async delete(keys) {
      if (keys.length > 128) throw new RangeError('More than 128 keys')
      let count = 0
      for (const key of keys) count += Number(database.prepare('DELETE FROM kv WHERE key = ?').run(key).changes)
      return count
    },
    async deleteAll() {
      alarm = undefined
      database.exec('DELETE FROM kv')
    },
    async sync() {},
    async setAlarm(time) {
      writes++
      alarm = time
    },
    get alarm() {
      return alarm
    },
    get writes() {
      return writes
    },
    keys: () =>
      database
        .prepare('SELECT key FROM kv ORDER BY key')
        .all()
        .map(({ key }) => String(key)),
  }
}
