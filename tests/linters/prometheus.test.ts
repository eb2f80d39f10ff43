import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { tokens } from '#fake-ollama/scripts.ts'
import { toFreePort } from '../lab/free-port.ts'
import { generate, read, readAll } from '../runtimes/reader.ts'
import { useStage } from '../runtimes/server.ts'
import { lint, root } from './lint.ts'

const unpacked = `${root}node_modules/.cache/prometheus/root/usr/bin/`
const folder = mkdtempSync(join(tmpdir(), 'sluice-prometheus-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const promtool = (...args: string[]) => lint(`${unpacked}promtool`, args)

describe('promtool', () => {
  test('accepts the configuration and the alerts', () => {
    expect(promtool('check', 'config', '--syntax-only', 'deploy/observe/prometheus.yml')).toMatchObject({ status: 0 })
    const { status, said } = promtool('check', 'rules', '--lint-fatal', 'deploy/observe/alerts.yml')
    expect(said).toContain('SUCCESS: 5 rules found')
    expect(status).toBe(0)
  })

  test('finds an expression that is wrong', () => {
    const path = join(folder, 'alerts.yml')
    writeFileSync(path, readFileSync(`${root}deploy/observe/alerts.yml`, 'utf8').replace('sum by (le) (', 'sum by (le ('))
    expect(promtool('check', 'rules', path).status).not.toBe(0)
  })

  test('the alerts say what tests/linters/alerts.yml expects', () => {
    const { status, said } = promtool('test', 'rules', 'tests/linters/alerts.yml')
    expect([status, said.includes('SUCCESS')], said).toEqual([0, true])
  })
})

describe('a real Prometheus', () => {
  const stage = useStage('node', { SLUICE_OPERATOR: '1' })
  let prometheus: ChildProcess | undefined
  let url = ''

  beforeAll(async () => {
    const port = await toFreePort()
    url = `http://127.0.0.1:${port}`
    const configuration = readFileSync(`${root}deploy/observe/prometheus.yml`, 'utf8')
      .replace('sluice:8083', `127.0.0.1:${stage.server.port}`)
      .replaceAll(': 15s', ': 1s')
      .replace('/run/secrets/sluice_key', join(folder, 'key'))
    writeFileSync(join(folder, 'key'), 'a key')
    writeFileSync(join(folder, 'prometheus.yml'), configuration)
    writeFileSync(join(folder, 'alerts.yml'), readFileSync(`${root}deploy/observe/alerts.yml`))
    if (!existsSync(`${unpacked}prometheus`)) throw new Error('Cannot start Prometheus: run tests/linters/install.sh first')
    prometheus = spawn(
      `${unpacked}prometheus`,
      [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: 'ignore' },
    )
    await vi.waitUntil(async () => (await fetch(`${url}/-/ready`).catch(() => undefined))?.ok, {
      timeout: 20_000,
      interval: 100,
    })
  }, 30_000)
  afterAll(async () => {
    if (!prometheus) return
    const exited = new Promise((resolve) => prometheus!.once('exit', resolve))
    prometheus.kill()
    await exited
  })

  async function query(expression: string) {
    const response = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query: expression })}`)
    return (await response.json()) as { status: string; error?: string; data?: { result: { value: [number, string] }[] } }
  }

  test('scrapes Sluice with the configuration, and its counters are those of the traffic', async () => {
    await readAll(generate(stage.server, 'sse', stage.upstream.script(tokens({ count: 5 }))))
    await expect
      .poll(async () => (await query('sum(sluice_ends_total{terminal="done"})')).data?.result[0]?.value[1], { timeout: 15_000 })
      .toBe('1')
    const { data } = (await (await fetch(`${url}/api/v1/targets`)).json()) as {
      data: { activeTargets: { health: string; lastError: string }[] }
    }
    expect(data.activeTargets).toMatchObject([{ health: 'up', lastError: '' }])
  })

  test('understands every expression of the dashboard', async () => {
    await readAll(read(stage.server, { path: '/api/ps' }))
    const { panels } = JSON.parse(readFileSync(`${root}deploy/observe/grafana/sluice.json`, 'utf8')) as {
      panels: { title: string; targets?: { expr: string }[] }[]
    }
    const expressions = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => [title, expr] as const))
    expect(expressions.length).toBeGreaterThan(20)
    for (const [title, expr] of expressions) {
      const filled = expr.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*')
      expect(await query(filled), title).toMatchObject({ status: 'success' })
    }
  })
})
