import { expect, test } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { runCommand, sluice, sluiceOnBun } from './run-command.ts'

const keyUsage = 'a key needs NAME [MODEL…]\nNAME is letters, digits, dots, - and _; models are names, * is a wildcard'
const port = '--port must be an integer from 0 to 65535'

test.each([
  // Flags that do not exist.
  ['--prot 8080', 'there is no flag --prot; did you mean --port?'],
  ['-p 8080', 'there is no flag -p; did you mean --port?'],
  ['--envfile .env', 'there is no flag --envfile; did you mean --env-file?'],
  ['--no-demo', 'there is no flag --no-demo; sluice --help lists them'],
  ['--', undefined],
  ['--toString', 'there is no flag --toString; sluice --help lists them'],
  ['--help --wrong', 'there is no flag --wrong; sluice --help lists them'],
  // Values.
  ['--port 99999', port],
  ['--port 80.5', port],
  ['--port abc', port],
  ['--port=-1', port],
  ['--port', '--port needs a value'],
  ['--port=', '--port needs a value'],
  ['--port --demo', '--port needs a value'],
  ['--env-file', '--env-file needs a value'],
  ['--host http://x', '--host must be an address or a host name'],
  ['--ollama ftp://x', '--ollama must be a host, host:port or http(s) URL without user information'],
  ['--ollama http://user:canary7f3a@x', '--ollama must be a host, host:port or http(s) URL without user information'],
  ['--demo=1', '--demo takes no value'],
  ['--open=no', '--open takes no value'],
  // Commands and words.
  ['start', 'there is no command start; sluice --help lists them'],
  ['demoo', 'there is no command demoo; did you mean demo?'],
  ['chekc', 'there is no command chekc; did you mean check?'],
  ['constructor', 'there is no command constructor; sluice --help lists them'],
  ['check now', 'sluice check takes no word such as now'],
  ['demo gemma3', 'sluice demo takes no word such as gemma3'],
  ['key', 'sluice key add NAME [MODEL…] makes a key; there are also list, revoke and rotate'],
  ['key remove alice', 'sluice key add NAME [MODEL…] makes a key; there are also list, revoke and rotate'],
  ['key add', keyUsage],
  ['key add alice:x', keyUsage],
  ['key add alice gemma3,llama3', keyUsage],
  // Flags that exclude each other, or mean nothing for a command.
  ['demo --ollama 127.0.0.1', 'the demo asks no Ollama; leave out --ollama or the demo'],
  ['--demo --ollama 127.0.0.1', 'the demo asks no Ollama; leave out --ollama or the demo'],
  ['check --open', '--open has no meaning for sluice check'],
  ['key add alice --port 1', '--port has no meaning for sluice key add'],
])('sluice %s: the mistake is named, in one line, without a start', async (line, message) => {
  // `--` alone is no mistake, so Sluice would start. Another mistake keeps it from that.
  const [words, said] =
    message === undefined ? ['-- wrong', 'there is no command wrong; sluice --help lists them'] : [line, message]
  const outcome = await runCommand([...sluice, ...words.split(' ')], { env: { PORT: '0', SLUICE_DEMO: '1' } })
  expect(outcome).toEqual({ status: 1, stdout: '', stderr: `sluice: ${said}\n` })
})

test('a wrong word is shown without control characters, and not whole if it is long', async () => {
  const { stderr } = await runCommand([...sluice, `\u001B[31m${'x'.repeat(100)}`])
  expect(stderr).toBe(`sluice: there is no command ?[31m${'x'.repeat(35)}; sluice --help lists them\n`)
})

test('an empty word is a mistake too, and no start', async () => {
  const { status, stderr } = await runCommand([...sluice, ''], { env: { PORT: '0', SLUICE_DEMO: '1' } })
  expect({ status, stderr }).toEqual({ status: 1, stderr: 'sluice: there is no command ; sluice --help lists them\n' })
})

test.each(['--version', '-v', 'check --version', '--version --port 99999'])('sluice %s prints the version', async (line) => {
  const outcome = await runCommand([...sluice, ...line.split(' ')])
  expect(outcome).toEqual({ status: 0, stdout: `sluice ${packageJson.version}\n`, stderr: '' })
})

test('every way to ask for help prints the same, no line is wider than 100 columns, and every command and flag is in it', async () => {
  const [help, ...others] = await Promise.all(
    ['--help', '-h', 'help', 'key --help', 'check -h'].map((line) => runCommand([...sluice, ...line.split(' ')])),
  )
  expect(help).toMatchObject({ status: 0, stderr: '' })
  for (const other of others) expect(other).toEqual(help)
  for (const line of help!.stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(100)
  const names = [...help!.stdout.matchAll(/^ {2}(?:sluice (demo|check|key \w+)|(--[a-z-]+)),? /gm)].map(([, ...names]) =>
    names.join(''),
  )
  expect(names).toEqual([
    'demo',
    'check',
    'key add',
    'key list',
    'key revoke',
    'key rotate',
    ...['port', 'host', 'ollama', 'demo', 'open', 'env-file', 'file', 'admin', 'expires', 'help', 'version'].map(
      (name) => `--${name}`,
    ),
  ])
})

test('on Bun the command says the same', async () => {
  expect(await runCommand([...sluiceOnBun, '--prot'])).toEqual({
    status: 1,
    stdout: '',
    stderr: 'sluice: there is no flag --prot; did you mean --port?\n',
  })
  expect((await runCommand([...sluiceOnBun, '--help'])).stdout).toBe((await runCommand([...sluice, '--help'])).stdout)
})
