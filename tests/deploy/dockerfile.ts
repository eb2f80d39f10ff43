/**
 * A parsed Dockerfile. The inherited fields describe the last stage, which becomes the image.
 * `stages` contains the earlier stages.
 */
export interface Dockerfile extends Stage {
  readonly stages: readonly Stage[]
  readonly labels: Readonly<Record<string, string>>
  readonly user: string
  readonly expose: string
  readonly stopSignal: string
  readonly healthcheck: readonly string[]
  readonly entrypoint: readonly string[]
  readonly cmd: readonly string[]
}

export interface Stage {
  readonly from: string
  /** Whether the stage runs on the machine that builds, whatever the architecture of the image. */
  readonly isNative: boolean
  /** Empty for the last stage, which becomes the image. */
  readonly name: string
  readonly workdir: string
  readonly env: Readonly<Record<string, string>>
  /** COPY and RUN, in order. */
  readonly steps: readonly Step[]
}

export type Step =
  /** `from` is the name of an earlier stage. */
  | { readonly copy: readonly string[]; readonly to: string; readonly from?: string }
  /** A command for a shell. */
  | { readonly run: string }

/**
 * Parses the features that this Dockerfile uses: named stages, COPY with no flag except `--from`,
 * and commands as JSON arrays.
 * @throws Error for anything else, because the test must not ignore an instruction
 */
export function parseDockerfile(text: string): Dockerfile {
  const stages = toLines(text).reduce<string[][]>((all, line) => {
    if (line.startsWith('FROM ')) all.push([])
    if (all.length === 0) throw new Error(`Cannot follow the Dockerfile: ${line}`)
    all.at(-1)!.push(line)
    return all
  }, [])
  const parsed = stages.map((lines, i) => parseStage(lines, i === stages.length - 1))
  const { stage, get } = parsed.at(-1)!
  return {
    ...stage,
    stages: parsed.slice(0, -1).map(({ stage }) => stage),
    labels: toLabels(get('LABEL')),
    user: get('USER'),
    expose: get('EXPOSE'),
    stopSignal: get('STOPSIGNAL'),
    healthcheck: toCommand(get('HEALTHCHECK').replace(/^(?:--(?:interval|timeout|start-period)=\d+s )*CMD /, '')),
    entrypoint: toCommand(get('ENTRYPOINT')),
    cmd: toCommand(get('CMD')),
  }
}

const onlyOfTheImage = ['LABEL', 'USER', 'EXPOSE', 'STOPSIGNAL', 'HEALTHCHECK', 'ENTRYPOINT', 'CMD']

function parseStage(lines: readonly string[], isLast: boolean) {
  const once = new Map<string, string>()
  const env: Record<string, string> = {}
  const steps: Step[] = []
  for (const line of lines) {
    const [, name = '', value = ''] = /^([A-Z]+) (.+)$/.exec(line) ?? []
    if (name === 'ENV') Object.assign(env, toVariables(value))
    else if (name === 'COPY') steps.push(toCopy(value))
    else if (name === 'RUN') steps.push({ run: value })
    else if (!['FROM', 'WORKDIR', ...(isLast ? onlyOfTheImage : [])].includes(name) || once.has(name))
      throw new Error(`Cannot follow the Dockerfile: ${line}`)
    else once.set(name, value)
  }
  const get = (name: string) => {
    const value = once.get(name)
    if (value === undefined) throw new Error(`Cannot follow the Dockerfile: it has no ${name}`)
    return value
  }
  const [, platform, rest = ''] = /^(--platform=\$BUILDPLATFORM )?(.+)$/.exec(get('FROM')) ?? []
  const [from, name, ...more] = rest.split(' AS ')
  if (more.length > 0 || (name === undefined) !== isLast) throw new Error(`Cannot follow the Dockerfile: FROM ${get('FROM')}`)
  return {
    stage: { from: from!, isNative: platform !== undefined, name: name ?? '', workdir: get('WORKDIR'), env, steps },
    get,
  }
}

/** Returns the instructions, one a line. */
function toLines(text: string): string[] {
  return text
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n */g, '')
    .split('\n')
    .filter((line) => line !== '')
}

function toVariables(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split(' ').map((pair) => {
      const [, name, value] = /^(\w+)=([\w.:/]+)$/.exec(pair) ?? []
      if (!name || !value) throw new Error(`Cannot follow the Dockerfile: ENV ${text}`)
      return [name, value]
    }),
  )
}

function toLabels(text: string): Record<string, string> {
  const pairs = [...text.matchAll(/([\w.]+)="([^"]+)"(?: |$)/g)]
  if (pairs.map(([pair]) => pair).join('') !== text) throw new Error(`Cannot follow the Dockerfile: LABEL ${text}`)
  return Object.fromEntries(pairs.map(([, name, value]) => [name, value]))
}

function toCopy(text: string): Step {
  const [, from, rest = ''] = /^(?:--from=(\w+) )?(.+)$/.exec(text) ?? []
  const paths = rest.split(' ')
  const to = paths.pop()
  const isPath = (path: string) => (from ? /^\/\w[\w./-]*$/ : /^\w[\w./-]*$/).test(path)
  if (!to || paths.length === 0 || !paths.every(isPath)) throw new Error(`Cannot follow the Dockerfile: COPY ${text}`)
  return { copy: paths, to, ...(from !== undefined && { from }) }
}

function toCommand(text: string): string[] {
  const command = JSON.parse(text) as unknown
  if (Array.isArray(command) && command.every((word) => typeof word === 'string')) return command
  throw new Error(`Cannot follow the Dockerfile: ${text} is for a shell, which keeps signals to itself`)
}

/**
 * Returns which files Docker can see. It parses a `.dockerignore` that excludes everything and
 * then includes single files and folders.
 * @throws Error for any other `.dockerignore`
 */
export function parseDockerignore(text: string): (file: string) => boolean {
  const [first, ...rest] = toLines(text)
  const included = rest.map((line) => /^!(\w[\w./-]*)$/.exec(line)?.[1])
  if (first !== '*' || included.includes(undefined)) throw new Error('Cannot follow the .dockerignore')
  return (file) => included.some((path) => file === path || file.startsWith(`${path}/`))
}
