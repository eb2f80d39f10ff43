import { execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { copySources, toStylePath } from './copy-sources.ts'

let copy: ReturnType<typeof copySources>
const built = () => join(copy.folder, 'dist/node.js')

beforeAll(() => void (copy = copySources()))
afterAll(() => copy.remove())

/** Changes the first line that a server prints. */
function change(to: string) {
  const path = join(copy.folder, 'src/runtimes/host-process.ts')
  writeFileSync(path, readFileSync(path, 'utf8').replace(/console\.log\(`\S+ listens on/, `console.log(\`${to} listens on`))
}

/** Runs an npm script until its server listens. Returns the line that says so. */
async function start(script: string): Promise<string> {
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, PORT: '0', OLLAMA_HOST: 'http://127.0.0.1:1' }
  const child = spawn('npm', ['run', '--silent', script], {
    cwd: copy.folder,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  try {
    for await (const data of child.stdout) {
      said += String(data)
      const [line] = /^.* listens on .*$/m.exec(said) ?? []
      if (line) return line
    }
    throw new Error(`npm run ${script} ended:\n${said}`)
  } finally {
    process.kill(-child.pid!, 'SIGKILL')
  }
}

test('unchanged programs are not built again; after a change of the source they are, without the page', () => {
  const page = join(copy.folder, 'src/generated/assets.ts')
  for (const path of [page, built()]) utimesSync(path, 1, 1)
  copy.build()
  expect(statSync(built()).mtimeMs).toBe(1000)
  change('Changed')
  copy.build()
  expect(readFileSync(built(), 'utf8')).toContain('console.log(`Changed listens on')
  expect(statSync(page).mtimeMs).toBe(1000)
})

test('a change of the page reaches the programs, which contain the page', () => {
  const before = readFileSync(built(), 'utf8')
  copy.changePage()
  copy.build()
  expect(toStylePath(readFileSync(built(), 'utf8'))).not.toBe(toStylePath(before))
})

test.each(['start', 'start:bun', 'start:deno', 'demo', 'dev'])(
  'npm run %s runs the built program, and builds it first if it is stale',
  async (script) => {
    const name = `Changed-for-${script}`
    change(name)
    expect(await start(script)).toMatch(new RegExp(`^${name} listens on http://127\\.0\\.0\\.1:\\d+ `))
    // The source is no longer needed.
    const [, runtime = 'node'] = script.split(':')
    const path = join(copy.folder, 'dist', `${runtime}.js`)
    writeFileSync(path, readFileSync(path, 'utf8').replace(`${name} listens`, 'Built listens'))
    expect(await start(script)).toMatch(/^Built listens on /)
  },
)

test.each(['node', 'bun', 'deno'])('%s.js needs no package, and says which part is missing if it is asked for', (runtime) => {
  const alone = mkdtempSync(join(tmpdir(), 'sluice-alone-'))
  for (const name of ['package.json', `dist/${runtime}.js`]) cpSync(name, join(alone, name), { recursive: true })
  const command = join(process.cwd(), 'node_modules/.bin', runtime)
  const flags = runtime === 'deno' ? ['run', '--no-prompt', '--allow-net', '--allow-env'] : []
  const run = (env: Record<string, string>) =>
    execFileSync(command, [...flags, `dist/${runtime}.js`], { cwd: alone, env, stdio: 'pipe' })
  expect(() => run({ SLUICE_REDIS_URL: 'redis://127.0.0.1:1' })).toThrow(
    'Cannot start: SLUICE_REDIS_URL: this copy of Sluice has no Redis client; npm ci installs it',
  )
  expect(() => run({ SLUICE_DEMO: '1' })).toThrow(
    /Cannot start: the environment has mistakes\nSLUICE_DEMO: must be 0 here, because this copy of Sluice has no emulator; /,
  )
  rmSync(alone, { recursive: true })
})
