import { accessSync, constants } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

/**
 * Returns Olla's program, a proxy in Go for several Ollamas: the `olla` on the PATH, or undefined.
 * The bench does not install it.
 */
export function findOlla(): string | undefined {
  const files = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'olla'))
  return files.find((file) => {
    try {
      accessSync(file, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/**
 * Olla opens at most 50 connections to an endpoint, and has no setting for that. So the bench's
 * upstream is several endpoints. Their URLs differ only in the fragment, which is never sent.
 */
const ENDPOINTS = 5

const toEndpoint = (upstreamUrl: string, i: number): string => `      - name: bench-${i}
        type: ollama
        url: ${upstreamUrl}#${i}
        priority: 100
        model_url: /api/tags
        health_check_url: /api/tags
        check_interval: 5s
        check_timeout: 2s
`

/**
 * Writes Olla's configuration to a new temporary folder, which the caller must remove. Olla's
 * limits of requests per minute are off, because all readers have the same address. All other
 * settings have their defaults. Olla also writes its logs to the folder that it is started in.
 */
export async function writeOllaConfig(port: number, upstreamUrl: string): Promise<{ folder: string; config: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-olla-'))
  const config = join(folder, 'olla.yaml')
  const text = `server:
  host: 127.0.0.1
  port: ${port}
  rate_limits:
    global_requests_per_minute: 0
    per_ip_requests_per_minute: 0
discovery:
  type: static
  static:
    endpoints:
${Array.from({ length: ENDPOINTS }, (_, i) => toEndpoint(upstreamUrl, i)).join('')}`
  await writeFile(config, text)
  return { folder, config }
}
