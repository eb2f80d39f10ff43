import { enableCompileCache, flushCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'

// Preloaded by the npm scripts, and JavaScript on purpose: with what it keeps, the second start has no TypeScript to strip and takes half the time.
// A folder that cannot be written is no error.
enableCompileCache(fileURLToPath(new URL('../../../node_modules/.cache/sluice', import.meta.url)))
setTimeout(() => flushCompileCache(), 1000).unref()
