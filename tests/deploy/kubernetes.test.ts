import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import packageJson from '../../package.json' with { type: 'json' }
import { parseConfig } from '../../src/config/parse-config.ts'
import { parseDockerfile } from './dockerfile.ts'
import { root } from './image.ts'
import { files, folder, kustomization, manifests, others, readYaml, type Manifest } from './manifests.ts'
import { startProgram, type Program } from './program.ts'

const dockerfile = parseDockerfile(readFileSync(`${root}Dockerfile`, 'utf8'))
const { Deployment, Service, PodDisruptionBudget, NetworkPolicy, HTTPRoute } = manifests
const pod = Deployment.spec.template.spec
const [container] = pod.containers
const labels = { 'app.kubernetes.io/name': 'sluice' }

/** What the Secret of docs/deploy.md#12-kubernetes contains. */
const secret: Readonly<Record<string, string>> = {
  SLUICE_REDIS_URL: 'redis://redis',
}
const environment = Object.fromEntries(
  container.env.map(({ name, value, valueFrom }) => [name, value ?? secret[valueFrom!.secretKeyRef.key]!]),
)
const config = parseConfig({ ...dockerfile.env, ...environment })

test('kustomize takes every manifest, and changes the image of the Deployment', () => {
  expect(kustomization.resources.toSorted()).toEqual(files.toSorted())
  expect(Object.keys(manifests)).toHaveLength(files.length)
  expect(kustomization.images).toEqual([
    { name: container.image, newName: 'registry.example/sluice', newTag: packageJson.version },
  ])
  for (const { metadata } of Object.values(manifests) as Manifest[]) expect(metadata.labels).toEqual(labels)
})

test('the Service, the budget and the spread select the pods of the Deployment', () => {
  expect(Deployment.spec.template.metadata.labels).toEqual(labels)
  for (const { matchLabels } of [Deployment.spec.selector, PodDisruptionBudget.spec.selector])
    expect(matchLabels).toEqual(labels)
  expect(Service.spec.selector).toEqual(labels)
  expect(pod).toMatchObject({ topologySpreadConstraints: [{ labelSelector: { matchLabels: labels } }] })
})

test('Sluice accepts the environment, with keys and the store from the Secret', () => {
  const [volume] = pod.volumes
  const [mount] = container.volumeMounts
  const { secretName, items } = volume!.secret
  expect(config.access.keysFile).toBe(`${mount!.mountPath}/${items[0]!.path}`)
  expect([volume!.name, secretName, items]).toEqual([mount!.name, 'sluice', [{ key: 'keys.json', path: 'keys.json' }]])
  expect(mount).not.toHaveProperty('subPath') // its file would never change
  expect(config.store.redis).toMatchObject({ host: 'redis' })
  const fromSecret = container.env.filter(({ valueFrom }) => valueFrom)
  expect(fromSecret.map(({ name, valueFrom }) => [name, valueFrom?.secretKeyRef])).toEqual([
    ['SLUICE_REDIS_URL', { name: 'sluice', key: 'SLUICE_REDIS_URL', optional: true }],
  ])
  // The entries of the page have these names.
  const page = readFileSync(`${root}docs/deploy.md`, 'utf8')
  for (const { name } of fromSecret) expect(page).toContain(` --from-literal=${name}=`)
  for (const { key } of items) expect(page).toContain(` --from-file=${key} `)
})

test('Kubernetes adds no variable to a pod, because Sluice would not start with SLUICE_PORT', () => {
  expect(pod.enableServiceLinks).toBe(false)
  const name = `${Service.metadata.name.toUpperCase()}_PORT`
  expect(() => parseConfig({ ...environment, [name]: 'tcp://10.0.0.1:80' })).toThrow(`${name}: no such variable`)
})

test('the grace: the sleep, the time for streams and at least 5 s fit into the time before Kubernetes kills', () => {
  const { seconds } = container.lifecycle.preStop.sleep
  const graceSeconds = config.server.shutdownGraceMs / 1000
  expect(pod.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(seconds + graceSeconds + 5)
  // Proxies learn within some seconds that the pod goes.
  expect(seconds).toBeGreaterThanOrEqual(10)
  expect(readYaml('ollama-values.yaml')).toMatchObject({
    terminationGracePeriodSeconds: pod.terminationGracePeriodSeconds,
  })
})

test('a rollout takes no pod away before its successor is ready, and a drained node takes one pod', () => {
  expect(Deployment.spec.strategy).toEqual({ type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } })
  expect(Deployment.spec.replicas).toBeGreaterThan(1)
  expect(PodDisruptionBudget.spec.maxUnavailable).toBe(1)
})

test('a pod has no rights: not root, no token, nothing to write to, no capability', () => {
  expect(pod.automountServiceAccountToken).toBe(false)
  expect(`${pod.securityContext.runAsUser}`).toBe(dockerfile.user)
  expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } })
  expect(container.securityContext).toEqual({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  })
})

test('the memory is enough for answers that can be resumed, and there is no limit of CPU', () => {
  const [, mebibytes] = /^(\d+)Mi$/.exec(container.resources.limits.memory!) ?? []
  expect(Number(mebibytes) * 2 ** 20).toBeGreaterThan(1.5 * config.resume.totalBytes + 256 * 2 ** 20)
  expect(container.resources.limits.cpu).toBeUndefined()
})

test('only Sluice reaches Ollama, at the port of the chart, whose release has the name in OLLAMA_HOST', () => {
  expect(NetworkPolicy.spec).toEqual({
    podSelector: { matchLabels: { 'app.kubernetes.io/name': 'ollama' } },
    policyTypes: ['Ingress'],
    ingress: [{ from: [{ podSelector: { matchLabels: labels } }], ports: [{ protocol: 'TCP', port: 11_434 }] }],
  })
  expect(new URL(config.upstream.host)).toMatchObject({ hostname: 'ollama', port: '11434' })
  expect(readFileSync(`${root}docs/deploy.md`, 'utf8')).toContain('helm install ollama ')
  expect(readYaml('ollama-values.yaml')).toMatchObject({
    service: { type: 'ClusterIP', port: 11_434 },
    ingress: { enabled: false },
  })
})

test('the route has no timeout, and its name is one that Sluice knows', () => {
  expect(HTTPRoute.spec.hostnames).toEqual(config.access.hosts)
  const { name } = Service.metadata
  const [{ port, targetPort } = {}] = Service.spec.ports
  expect(HTTPRoute.spec.rules).toEqual([{ backendRefs: [{ name, port }], timeouts: { request: '0s', backendRequest: '0s' } }])
  const [{ name: portName, containerPort } = {}] = container.ports
  expect([targetPort, `${containerPort}`]).toEqual([portName, dockerfile.expose])
})

describe('the probes', () => {
  const { readinessProbe, livenessProbe } = container
  const keys = mkdtempSync(join(tmpdir(), 'sluice-keys-'))
  let program: Program

  beforeAll(async () => {
    const file = join(keys, 'keys.json')
    writeFileSync(file, JSON.stringify({ keys: [{ name: 'alice', sha256: 'a'.repeat(64) }] }))
    const here = { HOST: '127.0.0.1', PORT: '0', SLUICE_REDIS_URL: '', SLUICE_DEMO: '1', SLUICE_API_KEYS_FILE: file }
    const env = { ...dockerfile.env, ...environment, ...here }
    program = await startProgram([process.execPath, 'dist/node.js'], { cwd: root, env })
  })
  afterAll(async () => {
    await program.end('SIGTERM')
    rmSync(keys, { recursive: true })
  })

  /** Asks as the kubelet does: `Host` is the address of the pod, unless a header says otherwise. */
  function probe({ httpGet }: typeof livenessProbe, headers = httpGet.httpHeaders) {
    const { value = '10.1.2.3:8083' } = headers.find(({ name }) => name === 'Host') ?? {}
    const args = ['-so', '/dev/null', '-w', '%{http_code}', '-H', `Host: ${value}`, program.url + httpGet.path]
    return Number(spawnSync('curl', args, { encoding: 'utf8' }).stdout)
  }

  test('get a 200 with their Host; /readyz would get 403 without it', () => {
    expect([probe(readinessProbe), probe(livenessProbe)]).toEqual([200, 200])
    expect(probe(readinessProbe, [])).toBe(403)
  })

  test('ask about Ollama for readiness alone, and wait longer than Sluice does', () => {
    expect([readinessProbe.httpGet.path, livenessProbe.httpGet.path]).toEqual(['/readyz', '/healthz'])
    expect(readinessProbe.timeoutSeconds).toBeGreaterThan(2)
    for (const { httpGet } of [readinessProbe, livenessProbe]) expect(httpGet.port).toBe(container.ports[0]!.name)
  })
})

const hasKubectl = spawnSync('kubectl', ['kustomize', '--help']).status === 0
test.skipIf(!hasKubectl)('kubectl renders the manifests, in the namespace of the chart', () => {
  const { status, stdout } = spawnSync('kubectl', ['kustomize', folder], { encoding: 'utf8' })
  expect(status).toBe(0)
  const rendered = parseAllDocuments(stdout).map((document) => document.toJS() as { metadata: { namespace: string } })
  expect(rendered).toHaveLength(files.length)
  for (const { metadata } of rendered) expect(metadata.namespace).toBe(kustomization.namespace)
})

test('the other files are for kustomize and for Helm', () => {
  expect(others.map((name) => parse(readFileSync(folder + name, 'utf8')) as { kind?: string }).map(({ kind }) => kind)).toEqual(
    ['Kustomization', undefined],
  )
})
