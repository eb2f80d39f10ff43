/**
 * Replaces the package of this name in a Worker's bundle (wrangler.toml). `ollama/browser` imports
 * that package for browsers without `fetch`.
 */
export const fetch = globalThis.fetch
