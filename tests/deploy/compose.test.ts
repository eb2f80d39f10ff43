import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { parseConfig } from '../../src/config/parse-config.ts'
import { parseDockerfile } from './dockerfile.ts'
import { root } from './image.ts'

interface Service {
  readonly image?: string
  readonly build?: string
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly healthcheck?: { readonly test: readonly string[] }
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly restart?: string
  readonly profiles?: readonly string[]
  readonly stop_grace_period?: string
  readonly network_mode?: string
  readonly secrets?: readonly string[]
  readonly container_name?: string
}

const read = (path: string) => readFileSync(root + path, 'utf8')
const text = read('compose.yaml')
const dockerfile = parseDockerfile(read('Dockerfile'))
const keys = `alice:${'a'.repeat(64)}`

interface Compose {
  readonly services: Readonly<Record<'ollama' | 'pull' | 'sluice' | 'redis' | 'prometheus' | 'grafana', Service>>
  readonly volumes: Readonly<Record<string, unknown>>
  readonly secrets: Readonly<Record<string, { readonly environment: string }>>
}

/**
 * Parses compose.yaml, with its variables replaced by their values in `env`.
 * @throws Error if a required variable is missing
 */
function load(env: Readonly<Record<string, string>>): Compose {
  const fill = (value: string) => {
    const filled = value.replaceAll(/\$\{(\w+):([-?+])([^}]*)\}/g, (_, name: string, kind: string, rest: string) => {
      if (!env[name] && kind === '?') throw new Error(`${name}: ${rest}`)
      if (kind === '+') return env[name] ? rest : ''
      return env[name] ?? rest
    })
    if (filled.includes('$')) throw new Error(`Cannot follow compose.yaml: ${value}`)
    return filled
  }
  return parse(text, (_, value: unknown) => (typeof value === 'string' ? fill(value) : value)) as Compose
}

const { services, volumes, secrets } = load({ SLUICE_API_KEYS: keys })
const { ollama, pull, sluice, redis, prometheus, grafana } = services
const config = parseConfig({ ...dockerfile.env, ...sluice.environment })

test('without a key for Sluice, no container starts', () => {
  expect(() => load({})).toThrow(/^SLUICE_API_KEYS: .*npm run key/)
  expect(config.access.keys.map(({ name }) => name)).toEqual(['alice'])
  expect(config.access.insecure).toBe(false)
})

test('only the ports of Sluice and of Grafana are published, on 127.0.0.1', () => {
  const published = Object.values(services).flatMap(({ ports = [] }) => ports)
  expect(published).toEqual([`127.0.0.1:8083:${dockerfile.expose}`, '127.0.0.1:3000:3000'])
  for (const { network_mode: mode } of Object.values(services)) expect(mode).toBeUndefined()
})

test('several Sluice containers are possible, as the comment says: only the published port prevents them', () => {
  const [, setting = ''] = /^ {4}# (deploy: .*)$/m.exec(text) ?? []
  expect(parse(setting)).toEqual({ deploy: { replicas: 2 } })
  expect(sluice.container_name).toBeUndefined()
})

test('Ollama keeps its models in a volume and says when it is healthy', () => {
  const [volume = ''] = ollama.volumes?.[0]?.split(':') ?? []
  expect(Object.keys(volumes)).toContain(volume)
  expect(ollama.healthcheck?.test.join(' ')).toBe('CMD ollama list')
})

test('Sluice’s model is pulled once, by the same Ollama, after it has become healthy', () => {
  expect(pull.command).toEqual(['pull', config.models.defaultModel])
  expect(pull.image).toBe(ollama.image)
  expect(pull.restart).toBe('no')
  expect(pull.environment?.OLLAMA_HOST).toBe(config.upstream.host)
  expect(pull.depends_on).toEqual({ ollama: { condition: 'service_healthy' } })
})

test('the model is set in one place only', () => {
  const { services } = load({ SLUICE_API_KEYS: keys, SLUICE_MODEL: 'qwen3:8b' })
  expect(services.pull.command).toEqual(['pull', 'qwen3:8b'])
  expect(services.sluice.environment?.SLUICE_MODEL).toBe('qwen3:8b')
})

test('Sluice uses the same Ollama, and starts after the model is pulled', () => {
  expect(new URL(config.upstream.host).host).toBe('ollama:11434')
  expect(sluice.depends_on).toEqual({
    ollama: { condition: 'service_healthy' },
    pull: { condition: 'service_completed_successfully' },
  })
  expect(sluice.build).toBe('.')
  // The image has its own health check.
  expect(sluice.healthcheck).toBeUndefined()
})

test('Redis runs only with its profile, keeps nothing on disk, and has a limit of memory', () => {
  expect(config.store.redis).toBeUndefined()
  const [, name] = /^ {6}# (redis:\S+) with the profile below\.$/m.exec(text) ?? []
  const { sluice: shared } = load({ SLUICE_API_KEYS: keys, SLUICE_REDIS_URL: name! }).services
  expect(parseConfig({ ...dockerfile.env, ...shared.environment }).store.redis).toMatchObject({ host: 'redis', port: 6379 })
  expect(redis.profiles).toEqual(['redis'])
  expect(redis.volumes).toBeUndefined()
  expect(redis.command?.join(' ')).toMatch(/--save {2}--appendonly no --maxmemory \d+mb/)
})

test('Prometheus and Grafana run only with their profile, keep their data, and read the files of deploy/observe', () => {
  const observing = [prometheus, grafana]
  expect(Object.values(services).filter(({ profiles }) => profiles?.includes('observe'))).toEqual(observing)
  for (const { image, volumes: mounts = [] } of observing) {
    expect(image).toMatch(/:v?\d+\.\d+\.\d+$/)
    const sources = mounts.map((mount) => mount.split(':'))
    const named = sources.filter(([source = '']) => !source.startsWith('./'))
    expect(named).toHaveLength(1)
    expect(Object.keys(volumes)).toContain(named[0]![0])
    for (const [source = '', , mode] of sources.filter((mount) => mount !== named[0])) {
      expect(existsSync(`${root}${source}`), source).toBe(true)
      expect(mode).toBe('ro')
    }
  }
})

test('Prometheus asks Sluice with a key from .env, by a name that Sluice knows, and Grafana asks Prometheus', () => {
  const { scrape_configs: jobs, rule_files: rules } = parse(read('deploy/observe/prometheus.yml')) as {
    scrape_configs: { authorization: { credentials_file: string }; static_configs: { targets: string[] }[] }[]
    rule_files: string[]
  }
  const [{ authorization, static_configs: targets } = {}] = jobs as Partial<(typeof jobs)[number]>[]
  const [target = ''] = targets?.flatMap(({ targets }) => targets) ?? []
  expect(target).toBe(`sluice:${dockerfile.expose}`)
  expect(config.access.hosts).toContain('sluice')
  const { sluice: proxied } = load({ SLUICE_API_KEYS: keys, SLUICE_ALLOWED_HOSTS: 'chat.example' }).services
  expect(parseConfig({ ...dockerfile.env, ...proxied.environment }).access.hosts).toEqual(['sluice', 'chat.example'])
  expect(prometheus.secrets?.map((name) => `/run/secrets/${name}`)).toEqual([authorization?.credentials_file])
  expect(grafana.environment?.GF_SECURITY_ADMIN_PASSWORD__FILE).toBe(`/run/secrets/${grafana.secrets?.join()}`)
  expect(Object.values(secrets)).toEqual([{ environment: 'PROMETHEUS_KEY' }, { environment: 'GRAFANA_PASSWORD' }])
  expect(prometheus.volumes?.join()).toContain(`:/etc/prometheus/${rules.join()}:ro`)
  const { datasources } = parse(read('deploy/observe/grafana/datasource.yml')) as { datasources: { url: string }[] }
  expect(datasources.map(({ url }) => url)).toEqual(['http://prometheus:9090'])
  const { providers } = parse(read('deploy/observe/grafana/dashboards.yml')) as { providers: { options: { path: string } }[] }
  expect(grafana.volumes?.join()).toContain(`sluice.json:${providers[0]!.options.path}/`)
})

test('streams have time to end before Docker kills Sluice', () => {
  const [, seconds] = /^(\d+)s$/.exec(sluice.stop_grace_period ?? '') ?? []
  expect(Number(seconds) * 1000).toBeGreaterThan(config.server.shutdownGraceMs + 1000)
})

const hasCompose = spawnSync('docker', ['compose', 'version']).status === 0
test.skipIf(!hasCompose)('Docker Compose understands it, and insists on the key', () => {
  const configure = (env: Record<string, string>) =>
    spawnSync(
      'docker',
      ['compose', '--profile', 'redis', '--profile', 'observe', '--env-file', '/dev/null', 'config', '--quiet'],
      {
        cwd: root,
        env: { PATH: process.env.PATH, ...env },
        encoding: 'utf8',
      },
    )
  const secrets = { PROMETHEUS_KEY: 'of an operator', GRAFANA_PASSWORD: 'of the user admin' }
  expect(configure({ SLUICE_API_KEYS: keys, ...secrets })).toMatchObject({ status: 0, stderr: '' })
  expect(configure({}).stderr).toContain('SLUICE_API_KEYS')
})
