import type { Flow } from '../generation.ts'

/**
 * Starts a source and pauses it at its first value. So an early failure of the source is known
 * before anybody reads its values. `first` is undefined if the source ended without a value. `flow`
 * emits every value, including the first.
 * @throws the error that broke the source before its first value
 */
export async function peek<T>(source: Flow<T>): Promise<{ first: T | undefined; flow: Flow<T> }> {
  const began = Promise.withResolvers<void>()
  const drained = Promise.withResolvers<void>()
  /**
   * The values that came before `flow` was called. There may be two, because a source that ends
   * while it is paused may emit a last value as it ends.
   */
  const early: T[] = []
  let onLater: ((value: T) => void | Promise<void>) | undefined
  function onValue(value: T) {
    if (onLater) return onLater(value)
    early.push(value)
    began.resolve()
    return drained.promise
  }
  const ended = source(onValue)
  ended.then(began.resolve, began.reject)
  await began.promise
  // An arrow function, because on Bun a method would keep the object and its first value in memory.
  const flow: Flow<T> = (onValue) => {
    // The early values are emitted synchronously, so that later values cannot overtake them. They
    // are taken out of the list, because this closure lives as long as the stream.
    onLater = onValue
    drained.resolve(Promise.all(early.splice(0).map(async (value) => onValue(value))).then(() => {}))
    return ended
  }
  return { first: early[0], flow }
}
