import { aiSdk } from './dialects/ai-sdk/ai-sdk.ts'
import { anthropic } from './dialects/anthropic/anthropic.ts'
import type { Dialect } from './dialects/dialect.ts'
import { createNative } from './dialects/native/native.ts'
import { createOllamaDialect } from './dialects/ollama/ollama.ts'
import { openai } from './dialects/openai/openai.ts'
import { plain } from './dialects/plain/plain.ts'
import { responses } from './dialects/responses/responses.ts'

/**
 * Every dialect. An error has the envelope of the first one that owns its path; native is the last
 * one, and owns them all.
 */
export function createDialects({ management }: { management: boolean }): readonly Dialect[] {
  return [plain, aiSdk, anthropic, createOllamaDialect({ management }), responses, openai, createNative({ management })]
}
