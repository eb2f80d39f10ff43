/** A key of a caller. */
export interface ApiKey {
  /** Identifies the caller in the log and in limits. It is unique. */
  readonly name: string
  /** The SHA-256 of the secret, as 64 hex digits in lower case. It is unique. */
  readonly sha256: string
  /** Globs of the models that the key may use. If it is undefined, the key may use all models. */
  readonly models?: readonly string[] | undefined
  /** Whether the key may see and do what only an operator may. */
  readonly admin?: boolean | undefined
  /** From this time on the key is not valid, in milliseconds since 1970. */
  readonly expiresAt?: number | undefined
  /** The limits of this key. They replace the general limits. 0 means no limit. */
  readonly quota?: KeyQuota | undefined
}

export interface KeyQuota {
  readonly perMinute?: number
  readonly streams?: number
  readonly tokensPerMinute?: number
  readonly tokensPerDay?: number
}

/** Whether a text can be the name of a key. */
export const isKeyName = (text: string) => /^[\w.-]{1,64}$/.test(text)

/** Whether a text is the SHA-256 of a secret. */
export const isSha256 = (text: string) => /^[\da-f]{64}$/i.test(text)

/** Whether a text can be a glob for names of models. */
export const isGlob = (text: string) => /^[\w.:/*-]{1,256}$/.test(text)
