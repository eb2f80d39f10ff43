type WithoutUndefined<T> = { [K in keyof T]: Exclude<T[K], undefined> }

/** Removes the fields that are undefined, because chats are plain JSON. */
export function withoutUndefined<T extends object>(value: T): WithoutUndefined<T> {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as WithoutUndefined<T>
}
