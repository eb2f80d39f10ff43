import * as v from 'valibot'

/** The longest life of a stream token, in seconds. */
const maxSeconds = 86_400

const integer = (min: number, max: number) => {
  const message = `Expected an integer from ${min} to ${max}`
  return v.pipe(v.number(message), v.integer(message), v.minValue(min, message), v.maxValue(max, message))
}

const matching = (pattern: RegExp, message: string) => v.pipe(v.string(message), v.regex(pattern, message))

/**
 * Browsers write an origin of http(s) as `URL` does. `URL` does not know origins of other schemes.
 */
const isOrigin = (text: string) =>
  /^[a-z][a-z\d+.-]*:\/\/[\w.:[\]-]{1,256}$/.test(text) && (!/^https?:/.test(text) || URL.parse(text)?.origin === text)

/** An empty list would be a token for nothing. */
const listOf = <TSchema extends v.GenericSchema>(item: TSchema) => v.pipe(v.array(item), v.minLength(1), v.maxLength(32))

/**
 * The body of `POST /tokens`. An unknown field is an error, because it could be a limit that is
 * written wrongly. All texts are ASCII.
 */
export function createTokenRequest(surfaces: readonly string[]) {
  return v.strictObject({
    expires_in: v.optional(integer(1, maxSeconds), 60),
    models: v.optional(listOf(matching(/^[\w.:/*-]{1,256}$/, 'Expected the name of a model, * as the wildcard'))),
    surfaces: v.optional(listOf(v.picklist(surfaces, `Expected one of ${surfaces.join(', ')}`))),
    num_predict: v.optional(integer(1, 2_147_483_647)),
    origin: v.optional(v.pipe(v.string(), v.check(isOrigin, 'Expected an origin such as https://chat.example'))),
    run: v.optional(matching(/^[\da-zA-Z]{1,128}$/, 'Expected the id of a stream')),
  })
}
