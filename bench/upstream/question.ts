/** How the upstream of the bench answers. */
export type Mode = 'paced' | 'burst' | 'flat' | 'idle' | 'silent'

/** What a reader asks of the upstream. */
export interface Question {
  readonly mode: Mode
  /** Identifies the exchange in the upstream's reports. */
  readonly seed: number
  /** Tokens until `done`. -1 means endless. */
  readonly tokens: number
}

/** The upstream's only model. */
export const MODEL = 'bench:latest'

/**
 * Writes the question as a prompt. Every gateway passes the prompt on, but it may drop options and
 * rename models.
 */
export function toPrompt({ mode, seed, tokens }: Question): string {
  return `bench ${mode} ${seed} ${tokens}`
}

/** Finds the question in a request's body, whatever else a gateway has put there. */
export function parseQuestion(body: string): Question | undefined {
  const [, mode, seed, tokens] = /\bbench (paced|burst|flat|idle|silent) (\d+) (-?\d+)/.exec(body) ?? []
  if (mode === undefined) return undefined
  return { mode: mode as Mode, seed: Number(seed), tokens: Number(tokens) < 0 ? Infinity : Number(tokens) }
}
