import './build.ts'
import { buildIfStale } from './build-if-stale.ts'

/** The script that `npm pack` runs. It also builds the types, which only the package needs. */
await buildIfStale({
  inputs: ['src', 'packages'],
  outputs: ['dist/types/src/index.d.ts'],
  build: async (stamp) => (await import('./types.ts')).buildTypes(stamp),
})
