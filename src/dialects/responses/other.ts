import * as v from 'valibot'

/** Whatever else OpenAI has of this sort, or will have: passes as `other`, to be refused by its place and not for its shape. */
export function other(...known: readonly string[]) {
  return v.object({
    type: v.pipe(
      v.string(),
      v.check((type) => !known.includes(type)),
      v.transform(() => 'other' as const),
    ),
  })
}
