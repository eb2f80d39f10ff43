import type { Plugin } from 'esbuild'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import packageJson from '../package.json' with { type: 'json' }

const packagePath = join(fileURLToPath(new URL('../', import.meta.url)), 'package.json')

/** Puts the version alone of package.json into a bundle. */
export const versionAlone: Plugin = {
  name: 'version-alone',
  setup({ onLoad }) {
    onLoad({ filter: /package\.json$/ }, ({ path }) =>
      path === packagePath ? { contents: JSON.stringify({ version: packageJson.version }), loader: 'json' } : undefined,
    )
  },
}
