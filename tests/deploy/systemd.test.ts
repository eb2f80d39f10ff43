import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { parseConfig } from '../../src/config/parse-config.ts'
import { holdSharedPort } from '../lab/shared-port.ts'
import { root } from './image.ts'
import { startProgram } from './program.ts'
import { parseUnit } from './unit.ts'

const text = readFileSync(`${root}deploy/sluice@.service`, 'utf8')
const folder = mkdtempSync(join(tmpdir(), 'sluice-unit-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const unit = parseUnit(text)
const [execStart = ''] = unit.ExecStart ?? []
// `systemd` replaces %d by the folder of the credentials.
const [file = '', ...args] = execStart.split(' ')
const credential = args.find((arg) => arg.startsWith('--env-file='))!
const environment = Object.fromEntries((unit.Environment ?? []).map((line) => line.split('=') as [string, string]))

test('the command is that of npm start; two instances share a port, and each exits with 0 on SIGTERM', async () => {
  expect(file).toBe('/usr/bin/node')
  expect(['node', ...args.filter((arg) => arg !== credential)].join(' ')).toBe(packageJson.scripts.start)
  expect(unit.WorkingDirectory).toEqual(['/opt/sluice'])

  const { port, release } = await holdSharedPort()
  writeFileSync(join(folder, 'secrets.env'), '')
  const start = () => startUnit({ PORT: `${port}` })
  const instances = await Promise.all([start(), start()])
  await release()
  expect(unit.KillSignal).toEqual(['SIGTERM'])
  for (const { url, end } of instances) {
    expect(await (await fetch(`${url}/healthz`, { headers: { connection: 'close' } })).json()).toEqual({ status: 'ok' })
    expect(await end('SIGTERM')).toBe(0)
  }
})

test('Node reads the secrets from the credential of systemd, and no environment that can be listed has them', async () => {
  const [name, source] = unit.LoadCredential![0]!.split(':')
  expect([credential, source]).toEqual([`--env-file=%d/${name}`, '/etc/sluice/secrets.env'])
  const secret = 'sluice-secret'
  const hash = createHash('sha256').update(secret).digest('hex')
  writeFileSync(join(folder, name!), `SLUICE_API_KEYS=alice:${hash}\n`)
  const { url, pid, end } = await startUnit({ PORT: '0', SLUICE_REUSE_PORT: '0', SLUICE_DEMO: '1' })
  const ask = async (authorization: string) => (await fetch(`${url}/api/tags`, { headers: { authorization } })).status
  expect([await ask(`Bearer ${secret}`), await ask('Bearer other')]).toEqual([200, 401])
  if (existsSync('/proc/self/environ')) {
    const listed = readFileSync(`/proc/${pid}/environ`, 'utf8')
    expect(listed).toContain('SLUICE_DEMO=1')
    expect(listed).not.toContain(hash)
  }
  expect(await end('SIGTERM')).toBe(0)
})

test('all instances run as one user, or Linux gives the port to the first alone (hazard 63)', () => {
  expect(unit).toMatchObject({ DynamicUser: ['yes'], User: ['sluice'] })
})

test('streams have time to end before systemd kills Sluice', () => {
  expect(Number(unit.TimeoutStopSec?.[0]) * 1000).toBeGreaterThan(parseConfig({}).server.shutdownGraceMs + 1000)
})

test('the service is restarted after a crash, has enough file descriptors, and may have a file of settings', () => {
  expect(unit).toMatchObject({
    Restart: ['on-failure'],
    LimitNOFILE: ['65536'],
    EnvironmentFile: ['-/etc/sluice/settings.env'],
  })
})

test('the service has no rights that it does not need', () => {
  expect(unit).toMatchObject({
    NoNewPrivileges: ['yes'],
    ProtectSystem: ['strict'],
    CapabilityBoundingSet: [''],
    RestrictAddressFamilies: ['AF_INET AF_INET6 AF_UNIX AF_NETLINK'],
    SystemCallFilter: ['@system-service', '~@privileged @resources'],
  })
  // V8's compiler cannot run with this setting.
  expect(unit.MemoryDenyWriteExecute).toBeUndefined()
})

/** Runs the command of the unit, with `folder` as the folder of its credentials. */
function startUnit(env: Record<string, string>) {
  const command = [process.execPath, ...args.map((arg) => arg.replace('%d', folder))]
  return startProgram(command, { cwd: root, env: { ...environment, ...env } })
}

const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0
describe.skipIf(!hasSystemd)('systemd itself', () => {
  /** Runs `systemd-analyze` on the unit, after replacing paths that this machine lacks. */
  function analyze(...args: string[]) {
    const file = join(folder, 'sluice@.service')
    writeFileSync(file, text.replaceAll('/opt/sluice', root).replaceAll('/usr/bin/node', process.execPath))
    return spawnSync('systemd-analyze', [...args, file], { encoding: 'utf8' })
  }

  test('understands every line', () => {
    expect(analyze('verify')).toMatchObject({ status: 0, stderr: '' })
  })

  test('rates the exposure of the unit at 1.3 of 10', () => {
    expect(analyze('security', '--offline=true', '--threshold=15').status).toBe(0)
  })
})
