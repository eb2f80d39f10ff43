import { ConfigError, type Config } from '../../config/parse-config.ts'
import { variables } from '../../config/variables.ts'

declare const Deno: {
  permissions: {
    querySync(descriptor: { name: 'net'; host: string } | { name: 'read'; path: string }): {
      state: 'granted' | 'denied' | 'prompt'
    }
  }
}

/**
 * Checks that Deno may listen and connect where the configuration says, and read the file of keys.
 * Otherwise the first request would be the first to fail.
 * @throws ConfigError
 */
export function checkPermissions({ server, upstream, store, access: { keysFile } }: Config): void {
  const { hostname, port, protocol } = new URL(upstream.host)
  const addresses = [[variables.server.host.name, toAddress(server.host, server.port)]]
  if (!upstream.demo)
    addresses.push([variables.upstream.host.name, toAddress(hostname, Number(port) || (protocol === 'https:' ? 443 : 80))])
  if (store.redis) addresses.push([variables.store.redis.name, toAddress(store.redis.host, store.redis.port)])
  const all = addresses.map(([, host]) => host).join(',')
  const problems = addresses
    .filter(([, host = '']) => Deno.permissions.querySync({ name: 'net', host }).state !== 'granted')
    .map(([name, host]) => `${name}: Deno may not use ${host}; start it with --allow-net=${all}`)
  if (keysFile !== undefined && Deno.permissions.querySync({ name: 'read', path: keysFile }).state !== 'granted')
    problems.push(`${variables.access.keysFile.name}: Deno may not read this file; start it with --allow-read=${keysFile}`)
  if (problems.length > 0) throw new ConfigError(problems)
}

/** Returns an address as `--allow-net` takes it. */
function toAddress(host: string, port: number): string {
  return `${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`
}
