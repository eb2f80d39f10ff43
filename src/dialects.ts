import { aiSdk } from './dialects/ai-sdk/ai-sdk.ts'
import { anthropic } from './dialects/anthropic/anthropic.ts'
import type { Dialect } from './dialects/dialect.ts'
import { createNative } from './dialects/ollama/native.ts'
import { createOllamaDialect } from './dialects/ollama/ollama.ts'
import { systemone } from './dialects/ollama/systemone.ts'
import { openai } from './dialects/openai/openai.ts'
import { plain } from './dialects/plain/plain.ts'

export interface DialectsOptions {
  /** Whether clients may pull, push, create, copy and delete models. */
  management: boolean
}

/** Every dialect. The order of the list has no effect. */
export function createDialects({ management }: DialectsOptions): readonly Dialect[] {
  const compatible = [openai, anthropic, systemone]
  return [
    createNative({ management }),
    createOllamaDialect({ management }),
    ...compatible,
    ...compatible.map((dialect) => below('/ollama', dialect)),
    aiSdk,
    plain,
  ]
}

/**
 * Returns a copy of the dialect with `base` in front of its paths. Ollama serves `/v1` and `/api`
 * under one base URL, so a client whose base URL is `/ollama` also expects `/ollama/v1`.
 */
function below(base: '/ollama', { prefix, generations, questions, ...dialect }: Dialect): Dialect {
  const paths = Object.entries(generations).map(([path, parse]) => [base + path, parse])
  const routes = Object.entries(questions).map(([route, parse]) => [route.replace(' ', ` ${base}`), parse])
  return {
    ...dialect,
    prefix: `${base}${prefix}`,
    generations: Object.fromEntries(paths) as Dialect['generations'],
    questions: Object.fromEntries(routes) as Dialect['questions'],
  }
}

/**
 * Returns a function that finds the dialect of a path. A prefix matches the path itself and all
 * paths below it. The longest matching prefix wins.
 */
export function createDialectAt(dialects: readonly Dialect[]): (path: string) => Dialect {
  const longestFirst = dialects.toSorted((a, b) => b.prefix.length - a.prefix.length)
  // The empty prefix of the native dialect matches every path, so every path has a dialect.
  return (path) => longestFirst.find(({ prefix }) => path === prefix || path.startsWith(`${prefix}/`))!
}

/** Returns the names of the dialects. A dialect may be in the list under two bases. */
export function toNames(dialects: readonly Dialect[]): string[] {
  return [...new Set(dialects.map(({ name }) => name))]
}

/** Returns the name of the dialect of each route, by the pattern of the route. */
export function toSurfaces(dialects: readonly Dialect[]): ReadonlyMap<string, string> {
  return new Map(
    dialects.flatMap(({ name, generations, questions }) => {
      const paths = Object.keys(questions).map((route) => route.slice(route.indexOf(' ') + 1))
      return [...Object.keys(generations), ...paths].map((path) => [path, name] as const)
    }),
  )
}
