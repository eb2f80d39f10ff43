import { enableCompileCache, flushCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'

// The npm scripts preload this file. With the cache, a later start takes half the time, because
// Node need not convert TypeScript again. This file is JavaScript, because it runs before the cache
// is enabled. If the folder cannot be written, Node runs without the cache.
enableCompileCache(fileURLToPath(new URL('../../../node_modules/.cache/sluice', import.meta.url)))
setTimeout(() => flushCompileCache(), 1000).unref()
