import { enableCompileCache, flushCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'

// The npm scripts preload this file. With the cache, a second start has no TypeScript to strip and
// takes half the time. This file is JavaScript, because the cache cannot help before it is
// enabled. A folder that cannot be written is no error.
enableCompileCache(fileURLToPath(new URL('../../../node_modules/.cache/sluice', import.meta.url)))
setTimeout(() => flushCompileCache(), 1000).unref()
