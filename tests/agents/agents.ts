import type { Call } from './call-tools.ts'

/** Describes a program for the tests. Its command and configuration are in docs/clients.md. */
export interface Agent {
  /** The program's heading in docs/clients.md. */
  readonly name: string
  /**
   * Environment variables. They prevent requests to the program's vendor, and they prevent retries
   * that would take minutes.
   */
  readonly env?: Readonly<Record<string, string>>
  /** Further lines at the beginning of the program's configuration. */
  readonly settings?: string
  /** Further arguments that allow the program to use its tool. */
  readonly tooled?: string
  /** A call of one of the program's tools, and the tool's result. */
  readonly call: Call
  readonly result: RegExp
  /** Whether the program sends the model's thoughts back to the model. */
  readonly tellsThinking: boolean
  /** The program's message for an unknown key. */
  readonly locked: RegExp
  /** Requests to other machines. The program sends them, and no setting prevents that. */
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
    // opencode checks this registry for plugins, even if no plugin is configured.
    tries: ['CONNECT registry.npmjs.org:443'],
  },
  {
    name: 'llm',
    tooled: '-T llm_version',
    call: { name: 'llm_version', arguments: {} },
    result: /^\d+\.\d+$/,
    tellsThinking: false,
    // Without a key, llm cannot list the models, so it rejects every model as unknown.
    locked: /Unknown model/,
  },
]
