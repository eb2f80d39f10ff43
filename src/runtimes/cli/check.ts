import process from 'node:process'
import { ConfigError, variableNames, type Config } from '../../config/parse-config.ts'
import { checkConfig } from '../bun/check-config.ts'
import { parseEnvironment } from '../host-process.ts'
import { checkOllama } from './check-ollama.ts'
import { checkPort } from './check-port.ts'
import { checkStore } from './check-store.ts'
import { well, wrong, type Finding } from './finding.ts'

/**
 * Looks at all that Sluice needs, with the environment of this process, and changes nothing. The
 * text has a line for each thing. It is for people and for reports of bugs, so it has no secret.
 */
export async function check(version: string): Promise<{ text: string; isWell: boolean }> {
  const findings = await find()
  const count = findings.filter(({ isWell }) => !isWell).length
  const end = ['Nothing is wrong.', 'One thing is wrong.'][count] ?? `${count} things are wrong.`
  const text = [toTitle(version), '', ...findings.map(toLine), '', end, ''].join('\n')
  return { text, isWell: count === 0 }
}

async function find(): Promise<readonly Finding[]> {
  let config: Config
  try {
    config = await parseEnvironment(process.versions.bun ? checkConfig : undefined)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    // All others depend on the configuration, so they are not looked at.
    return error.message.split('\n').map((line) => wrong('configuration', line))
  }
  const found = await Promise.all([checkOllama(config), checkStore(config), checkPort(config)])
  return [toVariables(), toAccess(config), ...found.flat()]
}

function toTitle(version: string): string {
  const { bun, node } = process.versions
  const runtime = bun ? `Bun ${bun}` : `Node ${node}`
  return `Sluice ${version} on ${runtime}, ${process.platform} ${process.arch}`
}

function toLine({ about, isWell, text }: Finding): string {
  return `${isWell ? 'ok   ' : 'WRONG'}  ${about.padEnd(13)}  ${text}`
}

/** The values stay unsaid, because they may be secrets. */
function toVariables(): Finding {
  const names = variableNames.filter((name) => process.env[name])
  return well('configuration', names.length > 0 ? `set are ${names.join(', ')}` : 'no variable is set')
}

function toAccess({ access: { keys, keysFile, insecure }, server: { host } }: Config): Finding {
  if (keysFile !== undefined && keys.length === 0)
    return wrong('access', 'nobody may ask, because SLUICE_API_KEYS_FILE has no key; sluice key add NAME makes one')
  if (keys.length > 0) return well('access', `callers need one of ${keys.length} ${keys.length === 1 ? 'key' : 'keys'}`)
  const who = insecure ? `whoever reaches ${host}` : 'this machine alone'
  return well('access', `there are no keys: ${who} may use Ollama`)
}
