import type { Call } from './call-tools.ts'

/** The facts about a program that only tests need, so docs/clients.md does not have them. */
export interface Agent {
  /** Its heading in docs/clients.md. */
  readonly name: string
  /** Variables that keep it off its maker's servers, and from retrying for minutes. */
  readonly env?: Readonly<Record<string, string>>
  /** Further lines at the beginning of its configuration. */
  readonly settings?: string
  /** Further arguments, which let it use its tool. */
  readonly tooled?: string
  /** A call of one of its tools, and the tool's result. */
  readonly call: Call
  readonly result: RegExp
  /** Whether it sends the model's thoughts back to the model. */
  readonly tellsThinking: boolean
  /** Its message for an unknown key. */
  readonly locked: RegExp
  /** Its requests to other machines that no setting prevents. */
  readonly tries?: readonly string[]
}

const command = 'echo sum-$((40+2))'

export const codex: Agent = {
  name: 'Codex',
  settings: ['check_for_update_on_startup', 'features.plugins', 'features.apps', 'analytics.enabled']
    .map((name) => `${name} = false\n`)
    .join(''),
  call: { name: 'exec_command', arguments: { cmd: command } },
  result: /sum-42/,
  tellsThinking: true,
  locked: /not known/,
}

export const agents: readonly Agent[] = [
  codex,
  {
    name: 'Claude Code',
    env: { CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1', CLAUDE_CODE_MAX_RETRIES: '1' },
    tooled: '--allowedTools=Bash',
    call: { name: 'Bash', arguments: { command, description: 'Adds' } },
    result: /sum-42/,
    tellsThinking: true,
    locked: /not known/,
  },
  {
    name: 'opencode',
    env: { OPENCODE_DISABLE_AUTOUPDATE: '1', OPENCODE_DISABLE_MODELS_FETCH: '1' },
    call: { name: 'bash', arguments: { command, description: 'Adds' } },
    result: /sum-42/,
    tellsThinking: true,
    locked: /not known/,
    // It looks for plugins, although there are none.
    tries: ['CONNECT registry.npmjs.org:443'],
  },
  {
    name: 'llm',
    tooled: '-T llm_version',
    call: { name: 'llm_version', arguments: {} },
    result: /^\d+\.\d+$/,
    tellsThinking: false,
    // Without a key it cannot list the models.
    locked: /Unknown model/,
  },
]
