import type { Call } from './call-tools.ts'

/** What docs/clients.md does not say of a program, since only a test needs it. */
export interface Agent {
  /** Its heading in docs/clients.md. */
  readonly name: string
  /** Keeps it from its maker's servers, and from asking for minutes. */
  readonly env?: Readonly<Record<string, string>>
  /** More lines at the beginning of its configuration. */
  readonly settings?: string
  /** More arguments, which let it use its tool. */
  readonly tooled?: string
  /** A call of a tool that it has, and what the tool gives. */
  readonly call: Call
  readonly result: RegExp
  /** It tells the model what it has thought. */
  readonly tellsThinking: boolean
  /** What it says when its key is not known. */
  readonly locked: RegExp
  /** What it tries to ask of other machines, whatever it is told. */
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
    // For plugins, of which there are none.
    tries: ['CONNECT registry.npmjs.org:443'],
  },
  {
    name: 'llm',
    tooled: '-T llm_version',
    call: { name: 'llm_version', arguments: {} },
    result: /^\d+\.\d+$/,
    tellsThinking: false,
    // It cannot list the models.
    locked: /Unknown model/,
  },
]
