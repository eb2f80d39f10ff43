import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../', import.meta.url))

/** One import of a file in `src/`. */
type Case = readonly [file: string, from: string]

// Every folder's own, and the ones below it.
const allowed: readonly Case[] = [
  ['generation.ts', './errors.ts'],
  ['config.ts', 'valibot'],
  ['config.ts', './ollama-host.ts'],
  ['encoders/x.ts', './encoder.ts'],
  ['encoders/x.ts', '../generation.ts'],
  ['upstreams/x.ts', './connect.ts'],
  ['upstreams/x.ts', '../errors.ts'],
  ['upstreams/x.ts', 'ollama/browser'],
  ['relay/x.ts', '../encoders/encoder.ts'],
  ['relay/x.ts', '../upstreams/upstream.ts'],
  ['relay/sink.ts', 'hono/streaming'],
  ['dialects/x.ts', 'valibot'],
  ['dialects/native/x.ts', '../../encoders/sse.ts'],
  ['dialects/native/x.ts', '../fields.ts'],
  ['demo/x.ts', 'hono'],
  ['middleware/x.ts', 'hono/factory'],
  ['routes/x.ts', '../middleware/env.ts'],
  ['routes/x.ts', '../relay/relay.ts'],
  ['app.ts', './routes/health.ts'],
  ['client/x.ts', './frames.ts'],
  ['pages/main.tsx', './components/page.tsx'],
  ['pages/main.tsx', 'preact'],
  ['pages/state/x.ts', '../chats/chat.ts'],
  ['pages/state/x.ts', '../../client/client.ts'],
  ['pages/markdown/x.ts', '@speed-highlight/core/languages/js'],
  ['runtimes/x.ts', '../app.ts'],
  ['runtimes/x.ts', 'node:http'],
]

const refused: readonly Case[] = [
  // Up the list.
  ['errors.ts', './generation.ts'],
  ['ollama-host.ts', './errors.ts'],
  ['generation.ts', './config.ts'],
  ['config.ts', './errors.ts'],
  ['encoders/x.ts', '../relay/core.ts'],
  ['encoders/x.ts', '../config.ts'],
  ['upstreams/x.ts', '../relay/core.ts'],
  ['upstreams/x.ts', '../config.ts'],
  ['relay/x.ts', '../dialects/dialect.ts'],
  ['relay/x.ts', '../routes/health.ts'],
  ['relay/x.ts', '../config.ts'],
  ['dialects/x.ts', '../routes/health.ts'],
  ['dialects/native/x.ts', '../../app.ts'],
  ['middleware/x.ts', '../routes/health.ts'],
  ['middleware/x.ts', '../app.ts'],
  ['routes/x.ts', '../app.ts'],
  ['routes/x.ts', '../config.ts'],
  ['app.ts', './runtimes/log.ts'],
  // Browsers know nothing of the server.
  ['client/x.ts', '../errors.ts'],
  ['client/x.ts', '../pages/chats/chat.ts'],
  ['pages/main.tsx', '../errors.ts'],
  ['pages/state/x.ts', '../../errors.ts'],
  ['pages/state/x.ts', '../../dialects/dialect.ts'],
  ['pages/state/x.ts', 'hono'],
  // Into a sibling.
  ['encoders/x.ts', '../upstreams/connect.ts'],
  ['upstreams/x.ts', '../encoders/sse.ts'],
  ['middleware/x.ts', '../dialects/parse.ts'],
  ['dialects/native/x.ts', '../plain/messages.ts'],
  ['dialects/plain/x.ts', '../native/framing.ts'],
  ['dialects/x.ts', './native/native.ts'],
  ['demo/x.ts', '../errors.ts'],
  ['demo/x.ts', '../upstreams/connect.ts'],
  // What only others may know.
  ['errors.ts', 'hono'],
  ['generation.ts', 'valibot'],
  ['encoders/x.ts', 'hono'],
  ['encoders/x.ts', 'node:buffer'],
  ['upstreams/x.ts', 'node:http'],
  ['upstreams/x.ts', 'hono'],
  ['upstreams/x.ts', 'valibot'],
  ['upstreams/x.ts', 'ollama'],
  ['relay/x.ts', 'hono'],
  ['relay/x.ts', 'node:timers'],
  ['relay/sink.ts', 'node:stream'],
  ['relay/sink.ts', '@hono/node-server'],
  ['dialects/x.ts', 'hono'],
  ['dialects/native/x.ts', 'node:fs'],
  ['demo/x.ts', 'valibot'],
  ['demo/x.ts', 'node:crypto'],
  ['middleware/x.ts', 'valibot'],
  ['middleware/x.ts', 'node:crypto'],
  ['routes/x.ts', 'valibot'],
  ['routes/x.ts', '@hono/node-server'],
  ['routes/x.ts', 'cloudflare:workers'],
  ['app.ts', 'node:process'],
  ['app.ts', 'bun'],
  ['app.ts', 'ollama'],
]

let folder: string
let complaints: Map<string, string[]>

/** All the cases in a copy of `src/`, each in a file of its own under its file's name, in one run of the linter. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-rule-'))
  complaints = new Map()
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  cpSync(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'))
  // A file has one import at a time: cases of the same file go to copies of the tree that are linted one after the other.
  const rounds: Case[][] = []
  for (const entry of [...allowed, ...refused]) {
    const round = rounds.find((round) => !round.some(([file]) => file === entry[0]))
    if (round) round.push(entry)
    else rounds.push([entry])
  }
  for (const round of rounds) {
    rmSync(join(folder, 'src'), { recursive: true, force: true })
    for (const [file, from] of round) {
      mkdirSync(dirname(join(folder, 'src', file)), { recursive: true })
      writeFileSync(join(folder, 'src', file), `import { thing } from '${from}'\nexport const other = thing\n`)
    }
    for (const { filename, message } of lint()) {
      const [entry] = round.filter(([file]) => filename.endsWith(`src/${file}`))
      if (!entry) continue
      const key = entry.join(' ')
      complaints.set(key, [...(complaints.get(key) ?? []), message])
    }
  }
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

interface Diagnostic {
  filename: string
  message: string
  code?: string
}

/** What the linter says of the tree, by the rule of restricted imports. */
function lint(): Diagnostic[] {
  let said: string
  try {
    said = execFileSync(join(root, 'node_modules/.bin/oxlint'), ['--format', 'json', 'src'], { cwd: folder, encoding: 'utf8' })
  } catch (error) {
    said = (error as { stdout: string }).stdout
  }
  const { diagnostics } = JSON.parse(said) as { diagnostics: Diagnostic[] }
  return diagnostics.filter(({ code }) => code?.includes('no-restricted-imports'))
}

describe('the dependency rule', () => {
  test.each(allowed)('%s may import %s', (...entry) => {
    expect(complaints.get(entry.join(' '))).toBeUndefined()
  })

  test.each(refused)('%s may not import %s', (...entry) => {
    expect(complaints.get(entry.join(' '))).toHaveLength(1)
  })
})
