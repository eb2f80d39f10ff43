import { buildIfStale } from './build-if-stale.ts'

/** The schemas of requests, and all that they import. */
const schemas = ['dialects', 'encoders', 'upstreams', 'errors.ts', 'exact-json.ts', 'generation.ts'].map(
  (path) => `src/${path}`,
)

/**
 * The script of `npm run build`. It rebuilds the files for browsers, the OpenAPI document, the version, then the
 * programs for Node, Bun and Deno, and then the modules of the package, if their sources have
 * changed. Commands that need these files run this script first, so the files are never stale. The
 * script imports the build tools only for a rebuild. So a machine with current files needs none.
 */

await buildIfStale({
  inputs: ['packages/client', 'packages/ollama-grammar', 'packages/page'],
  outputs: ['src/generated/assets.ts', 'dist/client.js', 'dist/client.d.ts'],
  build: async (stamp) => (await import('./assets.ts')).buildAssets(stamp),
})
await buildIfStale({
  inputs: [...schemas, 'packages/ollama-grammar'],
  outputs: ['src/generated/openapi.ts'],
  build: async (stamp) => (await import('./openapi.ts')).buildOpenapi(stamp),
})
await buildIfStale({
  inputs: [],
  outputs: ['src/generated/version.ts'],
  build: async (stamp) => (await import('./version.ts')).buildVersion(stamp),
})
await buildIfStale({
  inputs: ['src', 'packages/fake-ollama/emulator', 'packages/ollama-grammar'],
  outputs: [
    'node.js',
    'node.js.map',
    'bun.js',
    'bun.env',
    'deno.js',
    'emulator.js',
    'redis-client.cjs',
    'key.js',
    'cli.js',
    'command.js',
    'licenses.txt',
  ].map((name) => `dist/${name}`),
  build: async (stamp) => (await import('./server.ts')).buildServer(stamp),
})
await buildIfStale({
  inputs: ['src', 'packages/fake-ollama/emulator', 'packages/ollama-grammar'],
  outputs: ['dist/lib/index.js'],
  build: async (stamp) => (await import('./library.ts')).buildLibrary(stamp),
})
