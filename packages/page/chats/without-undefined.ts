type WithoutUndefined<T> = { [K in keyof T]: Exclude<T[K], undefined> }

/** Chats are plain JSON: what is not known, or not set, is not there. */
export function withoutUndefined<T extends object>(value: T): WithoutUndefined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as WithoutUndefined<T>
}
