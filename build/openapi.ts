import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createDocument } from './openapi/document.ts'
import { toAsset } from './to-asset.ts'
import { writeAtomically } from './write-atomically.ts'

const root = fileURLToPath(new URL('../', import.meta.url))

/**
 * Makes the OpenAPI document from the schemas of the requests in `src` and those of the answers in
 * `build/openapi`. It is written gzipped into the module `src/generated/openapi.ts`, and served like
 * the files for browsers. So no request makes it, and the schemas of answers are not in the server.
 * @param stamp the first line of `src/generated/openapi.ts`
 */
export async function buildOpenapi(stamp: string): Promise<void> {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  const text = `${JSON.stringify(createDocument({ version }))}\n`
  const asset = toAsset({ path: '/openapi.json', type: 'application/json', text })
  const module = `import type { Asset } from '../routes/assets.ts'\n\nexport const openapi: Asset = ${JSON.stringify(asset, null, 2)}\n`
  await writeAtomically(join(root, 'src/generated/openapi.ts'), stamp + module)
}
