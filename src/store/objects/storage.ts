/**
 * The part of a Durable Object's storage that is used here. The values are in the object's SQLite:
 * https://developers.cloudflare.com/durable-objects/api/sqlite-storage-api/
 */
export interface ObjectStorage {
  get<Value>(key: string): Promise<Value | undefined>
  /** Returns the values whose keys are in this range, in the order of their keys. */
  list<Value>(range: {
    prefix: string
    /** Only this key and those behind it. */
    start?: string
    /** Only keys before this one. */
    end?: string
    reverse?: boolean
    limit?: number
  }): Promise<Map<string, Value>>
  /** A value has at most 2 MB. Each value that is written is billed. */
  put(key: string, value: unknown, options: typeof unconfirmed): Promise<void>
  delete(keys: string[], options: typeof unconfirmed): Promise<number>
  /** Deletes all values, and the alarm. */
  deleteAll(): Promise<void>
  /** Resolves when all values and the alarm are on the disk, also those of unconfirmed writes. */
  sync(): Promise<void>
  /** Sets the only alarm of the object to a time in milliseconds since 1970. */
  setAlarm(time: number, options: typeof unconfirmed): Promise<void>
}

/**
 * Without this option, the bytes for readers and the request to the upstream would wait until each
 * write is confirmed (docs/hazards.md#101).
 */
export const unconfirmed = { allowUnconfirmed: true } as const

/** For writes that nobody waits for. If a write fails, the platform starts the object anew. */
export const ignore = (): void => {}
