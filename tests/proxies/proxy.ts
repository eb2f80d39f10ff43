import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { toFreePort } from '../lab/free-port.ts'
import { toSnippet } from './snippet.ts'

export const proxyNames = ['nginx', 'haproxy', 'caddy'] as const
type ProxyName = (typeof proxyNames)[number]

/** A reverse proxy in a process of its own. */
export interface Proxy {
  /** `http://127.0.0.1:PORT` */
  readonly url: string
  stop(): Promise<void>
}

/**
 * How to run a proxy: the arguments that keep it in the foreground, and a configuration that
 * contains its snippet from docs/deploy.md.
 */
interface Program {
  toConfiguration(ownPort: number, port: number): string
  toArguments(folder: string, file: string): string[]
}

const cache = fileURLToPath(new URL('../../node_modules/.cache/proxies/', import.meta.url))
const sluice = '127.0.0.1:8083'
const startLimitMs = 10_000

const programs: Record<ProxyName, Program> = {
  nginx: {
    toConfiguration: (ownPort, port) =>
      toNginx(
        toSnippet('nginx', [
          ['listen 80;', `listen 127.0.0.1:${ownPort};`],
          [sluice, `127.0.0.1:${port}`],
        ]),
      ),
    toArguments: (folder, file) => ['-p', folder, '-e', 'stderr', '-c', file],
  },
  haproxy: {
    toConfiguration: (ownPort, port) =>
      toSnippet('haproxy', [
        ['bind :80\n', `bind 127.0.0.1:${ownPort}\n`],
        [sluice, `127.0.0.1:${port}`],
      ]),
    toArguments: (_, file) => ['-db', '-f', file],
  },
  caddy: {
    // Without this grace period, Caddy would wait for open streams before it ends.
    toConfiguration: (ownPort, port) => `
{
	admin off
	default_bind 127.0.0.1
	grace_period 100ms
}
${toSnippet('caddy', [
  [':80 {', `:${ownPort} {`],
  [sluice, `127.0.0.1:${port}`],
])}`,
    toArguments: (_, file) => ['run', '--adapter', 'caddyfile', '--config', file],
  },
}

/**
 * Returns a configuration with these servers. It enables compression for all types. It sets folders
 * for temporary files, because nginx's default folders belong to root.
 */
function toNginx(servers: string): string {
  return `
daemon off;
pid nginx.pid;
error_log stderr;
events {}
http {
  access_log off;
  gzip on;
  gzip_types *;
  gzip_proxied any;
  client_body_temp_path client_body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
${servers}}
`
}

const toBinary = (name: ProxyName) => `${cache}root/usr/${name === 'caddy' ? 'bin' : 'sbin'}/${name}`

/** @throws Error if `install.sh` has not run */
export function checkInstalled(): void {
  const missing = proxyNames.filter((name) => !existsSync(toBinary(name)))
  if (missing.length > 0) throw new Error(`Cannot test behind ${missing.join(' and ')}: run tests/proxies/install.sh first`)
}

/**
 * Starts a proxy with its snippet from docs/deploy.md, on a free port, in front of the server at
 * `port`.
 * @throws Error with the program's output if it does not listen
 */
export function startProxy(name: ProxyName, port: number): Promise<Proxy> {
  return start(name, (ownPort) => programs[name].toConfiguration(ownPort, port))
}

/**
 * Starts nginx with its block from docs/scale.md, on a free port, in front of the two servers at
 * `ports`. Each request goes to the other server.
 * @throws Error with the program's output if it does not listen
 */
export function startNginxOfPair(ports: readonly [number, number]): Promise<Proxy> {
  return start('nginx', (ownPort) =>
    toNginx(
      toSnippet(
        'nginx',
        [
          ['listen 80;', `listen 127.0.0.1:${ownPort};`],
          [sluice, `127.0.0.1:${ports[0]}`],
          ['127.0.0.1:8084', `127.0.0.1:${ports[1]}`],
        ],
        'docs/scale.md',
      ),
    ),
  )
}

async function start(name: ProxyName, toConfiguration: (ownPort: number) => string): Promise<Proxy> {
  const ownPort = await toFreePort()
  const folder = mkdtempSync(join(tmpdir(), `sluice-${name}-`))
  // When root starts nginx, its workers run as another user. They must be able to read the folder.
  chmodSync(folder, 0o755)
  const file = join(folder, `${name}.conf`)
  writeFileSync(file, toConfiguration(ownPort))

  const child = spawn(toBinary(name), programs[name].toArguments(folder, file), {
    env: { LD_LIBRARY_PATH: `${cache}lib`, HOME: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (said += data.toString()))
  const exited = once(child, 'exit')
  const onExit = () => child.kill('SIGTERM')
  process.once('exit', onExit)

  const stop = async () => {
    child.kill('SIGTERM')
    await exited
    process.off('exit', onExit)
    rmSync(folder, { recursive: true, force: true })
  }
  const giveUpAt = performance.now() + startLimitMs
  while (!(await isListening(ownPort))) {
    const isOver = child.exitCode !== null || child.signalCode !== null
    if (isOver || performance.now() > giveUpAt) {
      await stop()
      throw new Error(`Cannot start ${name}: it ${isOver ? 'ended' : 'does not listen in time'}\n${said}`)
    }
    await pause(10)
  }
  return { url: `http://127.0.0.1:${ownPort}`, stop }
}

function isListening(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port })
  return new Promise<boolean>((resolve) => {
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
  }).finally(() => socket.destroy())
}
