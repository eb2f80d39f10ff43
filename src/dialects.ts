import { aiSdk } from './dialects/ai-sdk/ai-sdk.ts'
import { anthropic } from './dialects/anthropic/anthropic.ts'
import type { Dialect } from './dialects/dialect.ts'
import { createNative } from './dialects/ollama/native.ts'
import { createOllamaDialect } from './dialects/ollama/ollama.ts'
import { openai } from './dialects/openai/openai.ts'
import { plain } from './dialects/plain/plain.ts'

export interface DialectsOptions {
  /** Whether clients may pull, push, create, copy and delete models. */
  management: boolean
}

/** Every dialect. The order of the list means nothing. */
export function createDialects({ management }: DialectsOptions): readonly Dialect[] {
  return [createNative({ management }), createOllamaDialect({ management }), openai, anthropic, aiSdk, plain]
}

/** Finds a path's dialect: the longest prefix that is the path or a parent of it. */
export function createDialectAt(dialects: readonly Dialect[]): (path: string) => Dialect {
  const longestFirst = dialects.toSorted((a, b) => b.prefix.length - a.prefix.length)
  // The empty prefix of the native dialect matches every path, so there is always one.
  return (path) => longestFirst.find(({ prefix }) => path === prefix || path.startsWith(`${prefix}/`))!
}
