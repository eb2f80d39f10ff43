import packageJson from '../../package.json' with { type: 'json' }

export type RowName =
  | 'pipe'
  | 'olla'
  | 'write-sse-node'
  | 'write-sse-bun'
  | 'write-sse-worker'
  | 'sluice-node'
  | 'package-node'
  | 'sluice-bun'
  | 'sluice-deno'
  | 'sluice-worker'
  | 'against'

/** A server that the bench starts: its entry file and its runtime. Olla's entry is its program. */
export interface Row {
  readonly name: RowName
  readonly runtime: 'node' | 'bun' | 'deno' | 'worker' | 'go'
  readonly entry: URL
  /** The flags for the runtime, the same as in `npm start` and `npm run start:deno`. */
  readonly flags?: readonly string[]
}

const here = (path: string): URL => new URL(path, import.meta.url)

/**
 * Every row of the tables except `olla` and `against`, which not everyone has. The baseline comes
 * first.
 */
export const rows: readonly Row[] = [
  { name: 'pipe', runtime: 'node', entry: here('./pipe.ts') },
  { name: 'write-sse-node', runtime: 'node', entry: here('./write-sse-node.ts') },
  { name: 'write-sse-bun', runtime: 'bun', entry: here('./write-sse-bun.ts') },
  { name: 'write-sse-worker', runtime: 'worker', entry: here('./write-sse-worker.ts') },
  {
    name: 'sluice-node',
    runtime: 'node',
    entry: here('../../dist/node.js'),
    flags: ['--max-semi-space-size=8', '--enable-source-maps'],
  },
  {
    name: 'package-node',
    runtime: 'node',
    entry: here(`../../${packageJson.bin.sluice}`),
    flags: ['--max-semi-space-size=8', '--enable-source-maps'],
  },
  { name: 'sluice-bun', runtime: 'bun', entry: here('../../dist/bun.js') },
  {
    name: 'sluice-deno',
    runtime: 'deno',
    entry: here('../../dist/deno.js'),
    flags: ['--no-prompt', '--allow-net=127.0.0.1', '--allow-env=HOST,PORT,OLLAMA_*,OTEL_*,SLUICE_*'],
  },
  { name: 'sluice-worker', runtime: 'worker', entry: here('../../src/runtimes/worker.ts') },
]
