import { toHosts } from '../../config/hosts.ts'
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
export function checkPermissions(config: Config): void {
  const {
    server,
    upstream,
    store,
    telemetry,
    access: { keysFile },
  } = config
  const addresses = [[variables.server.host.name, toAddress(server.host, server.port)]]
  const { name } = upstream.hosts.length > 0 ? variables.upstream.hosts : variables.upstream.host
  for (const { url } of upstream.demo ? [] : toHosts(config)) addresses.push([name, toAddressOf(url)])
  if (store.redis) addresses.push([variables.store.redis.name, toAddress(store.redis.host, store.redis.port)])
  const collector = telemetry.tracesEndpoint ?? telemetry.endpoint
  const { endpoint, tracesEndpoint } = variables.telemetry
  if (collector !== undefined && !telemetry.disabled)
    addresses.push([(telemetry.tracesEndpoint ? tracesEndpoint : endpoint).name, toAddressOf(collector)])
  const all = addresses.map(([, host]) => host).join(',')
  const problems = addresses
    .filter(([, host = '']) => Deno.permissions.querySync({ name: 'net', host }).state !== 'granted')
    .map(([name, host]) => `${name}: Deno may not use ${host}; start it with --allow-net=${all}`)
  if (keysFile !== undefined && Deno.permissions.querySync({ name: 'read', path: keysFile }).state !== 'granted')
    problems.push(`${variables.access.keysFile.name}: Deno may not read this file; start it with --allow-read=${keysFile}`)
  if (problems.length > 0) throw new ConfigError(problems)
}

function toAddressOf(url: string): string {
  const { hostname, port, protocol } = new URL(url)
  return toAddress(hostname, Number(port) || (protocol === 'https:' ? 443 : 80))
}

/** Returns an address as `--allow-net` takes it. */
function toAddress(host: string, port: number): string {
  return `${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`
}
