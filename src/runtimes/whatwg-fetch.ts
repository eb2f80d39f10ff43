/** Stands in a Worker's bundle for the package of this name (wrangler.toml), which `ollama/browser` imports for browsers without `fetch`. */
export const fetch = globalThis.fetch
