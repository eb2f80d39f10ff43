/** OpenAI's `reasoning_effort` → Ollama's `think`; undefined leaves it to the model. */
export function toThink(effort: ReasoningEffort | null | undefined): boolean | 'low' | 'medium' | 'high' | 'max' | undefined {
  return effort ? efforts[effort] : undefined
}

const efforts = { none: false, minimal: 'low', low: 'low', medium: 'medium', high: 'high', xhigh: 'max', max: 'max' } as const

export type ReasoningEffort = keyof typeof efforts

export const reasoningEfforts = Object.keys(efforts) as ReasoningEffort[]
