import { createApp } from '../../app.ts'
import { toAppOptions, toEmbedded, type Sluice, type SluiceOptions } from '../../sluice.ts'
import { checkServer } from '../check-server.ts'
import { listen } from '../node/sluice.ts'
import type { Listener } from '../run.ts'
import { sha256OfNode } from '../sha256.ts'
import { checkPermissions } from './check-permissions.ts'
import { codingsOfDeno } from './codings.ts'
import { connectOnDeno } from './connect.ts'
import { openOnDeno } from './open.ts'

export type { Sluice, SluiceOptions } from '../../sluice.ts'

/** What `Deno.serve` passes beside a request. */
interface ServeInfo {
  readonly remoteAddr: { readonly hostname: string }
}

/**
 * Creates Sluice for another app on Deno. `fetch` needs what `Deno.serve` passes beside a request.
 * Without it, the limits do not know the address of a caller. `Deno.serve` does not always notice a
 * reader that leaves before its response begins (docs/hazards.md#116).
 * @throws ConfigError if `env` or `base` has mistakes
 */
export function createSluice(options: SluiceOptions): Sluice {
  const appOptions = toAppOptions(toEmbedded(options))
  const app = createApp({
    ...appOptions,
    connect: connectOnDeno(appOptions.config.upstream),
    open: openOnDeno,
    address: (c) => (c.env as Partial<ServeInfo>).remoteAddr?.hostname ?? '',
    findCodings: codingsOfDeno,
    sha256: sha256OfNode,
  })
  return { drain: app.drain, fetch: (request, platform) => app.fetch(request, platform ?? {}) }
}

/**
 * Starts Sluice as a server at `HOST` and `PORT` of `env`. It is a server of `node:http`, which
 * notices more than `Deno.serve` does.
 * @throws ConfigError if `env` or `base` has mistakes, or the error of Deno if it cannot listen
 */
export async function serve(options: SluiceOptions): Promise<Listener> {
  const appOptions = toAppOptions(options)
  await checkServer(appOptions.config, { hasPrincipals: options.principal !== undefined })
  checkPermissions(appOptions.config)
  return listen({ ...appOptions, findCodings: codingsOfDeno }, connectOnDeno(appOptions.config.upstream))
}
