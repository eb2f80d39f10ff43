/** How the bench's Ollama answers. */
export type Mode = 'paced' | 'flat' | 'wide' | 'idle' | 'silent'

/** What a reader asks the upstream for. */
export interface Question {
  readonly mode: Mode
  /** Names the exchange: the upstream reports by it. */
  readonly seed: number
  /** Tokens until `done`; -1 = endless. */
  readonly tokens: number
}

/** The only model there is. */
export const MODEL = 'bench:latest'

/** The question as a prompt: every gateway hands that on, while it may drop options and map model names. */
export function toPrompt({ mode, seed, tokens }: Question): string {
  return `bench ${mode} ${seed} ${tokens}`
}

/** The question in a request's body, whatever else a gateway has put there. */
export function parseQuestion(body: string): Question | undefined {
  const [, mode, seed, tokens] = /\bbench (paced|flat|wide|idle|silent) (\d+) (-?\d+)/.exec(body) ?? []
  if (mode === undefined) return undefined
  return { mode: mode as Mode, seed: Number(seed), tokens: Number(tokens) < 0 ? Infinity : Number(tokens) }
}
