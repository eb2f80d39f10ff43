import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const rooms = ['src', 'packages', 'tests', 'bench']
const root = fileURLToPath(new URL('../', import.meta.url))

/** One import in a file: the file, the imported module, and whether the import is of a type. */
type Case = readonly [file: string, from: string, what?: 'type']

// Imports from the same folder, or from a folder further right in the chain of folders in
// CONTRIBUTING.md.
const allowed: readonly Case[] = [
  ['src/generation.ts', './errors.ts'],
  ['src/generation.ts', './exact-json.ts'],
  ['src/config/x.ts', 'valibot'],
  ['src/config/x.ts', './schemas.ts'],
  ['src/config/x.ts', '#ollama-grammar/host.ts'],
  ['src/http1/x.ts', './fault.ts'],
  ['src/runtimes/x.ts', '../http1/response-reader.ts'],
  ['src/upstreams/sockets/x.ts', '../../http1/response-reader.ts'],
  ['src/encoders/x.ts', './encoder.ts'],
  ['src/encoders/x.ts', '../generation.ts'],
  ['src/upstreams/x.ts', './connect.ts'],
  ['src/upstreams/x.ts', '../errors.ts'],
  ['src/generation.ts', 'ollama/browser', 'type'],
  ['src/upstreams/x.ts', 'ollama/browser', 'type'],
  ['src/dialects/x.ts', 'ollama/browser', 'type'],
  ['src/relay/x.ts', '../encoders/encoder.ts'],
  ['src/relay/x.ts', '../upstreams/upstream.ts'],
  ['src/relay/sink.ts', 'hono/streaming'],
  ['src/dialects.ts', './dialects/plain/plain.ts'],
  ['src/dialects/x.ts', 'valibot'],
  ['src/dialects/ollama/x.ts', '../../encoders/sse.ts'],
  ['src/dialects/ollama/x.ts', '../to-ollama.ts'],
  ['src/dialects/openai/chat/x.ts', '../../to-ollama.ts'],
  ['src/dialects/openai/chat/x.ts', '../content.ts'],
  ['src/dialects/openai/chat/x.ts', '../../../encoders/sse.ts'],
  ['packages/fake-ollama/emulator/x.ts', 'hono'],
  ['src/middleware/x.ts', 'hono/factory'],
  ['src/middleware/x.ts', '../exact-json.ts'],
  ['src/middleware/x.ts', '../within.ts'],
  ['src/middleware/x.ts', '../hex.ts'],
  ['src/middleware/x.ts', '../relay/stream.ts'],
  ['src/upstreams/x.ts', '../within.ts'],
  ['src/streams/x.ts', './run-log.ts'],
  ['src/streams/x.ts', '../relay/sink.ts'],
  ['src/streams/x.ts', '../encoders/encoder.ts'],
  ['src/streams/x.ts', '../errors.ts'],
  ['src/streams/x.ts', '../hex.ts'],
  ['src/routes/x.ts', '../streams/runs.ts'],
  ['src/routes/x.ts', '../pool/pool-view.ts'],
  ['src/routes/x.ts', '../telemetry/usage.ts'],
  ['src/pool/x.ts', '../upstreams/upstream.ts'],
  ['src/pool/x.ts', '#ollama-grammar/model-name.ts'],
  ['src/telemetry/x.ts', '../middleware/access-log.ts'],
  ['src/telemetry/x.ts', '../pool/pool-view.ts'],
  ['src/store/redis/x.ts', './redis.ts'],
  ['src/store/redis/x.ts', '../../streams/runs.ts'],
  ['src/store/redis/x.ts', '../../middleware/limits.ts'],
  ['src/runtimes/x.ts', '../store/redis/redis.ts'],
  ['src/app.ts', './streams/runs.ts'],
  ['src/runtimes/x.ts', '../streams/memory-log.ts'],
  ['src/routes/x.ts', '../middleware/env.ts'],
  ['src/routes/x.ts', '../relay/relay.ts'],
  ['src/app.ts', './routes/health.ts'],
  ['src/app.ts', './backend.ts'],
  ['src/backend.ts', '#fake-ollama'],
  ['src/sluice.ts', './app.ts'],
  ['src/index.ts', './sluice.ts'],
  ['packages/client/x.ts', './frames.ts'],
  ['packages/page/main.tsx', './components/page.tsx'],
  ['packages/page/main.tsx', 'preact'],
  ['packages/page/main.tsx', './state/create-page-state.ts'],
  ['packages/page/components/x.tsx', './icon.tsx'],
  ['packages/page/components/x.tsx', '../state/page-state.ts'],
  ['packages/page/components/x.tsx', '../markdown/markdown.ts'],
  ['packages/page/components/x.tsx', '../words/words.ts'],
  ['packages/page/components/x.tsx', '../chats/limits.ts'],
  ['packages/page/components/x.tsx', '../storage/stored-choice.ts'],
  ['packages/page/components/x.tsx', 'preact/hooks'],
  ['packages/page/state/x.ts', '../chats/chat.ts'],
  ['packages/page/state/x.ts', '../storage/safe-storage.ts'],
  ['packages/page/state/x.ts', '#client'],
  ['packages/page/state/x.ts', '#ollama-grammar/model-name.ts'],
  ['packages/page/chats/x.ts', '../storage/safe-storage.ts'],
  ['packages/page/chats/x.ts', '#ollama-grammar/duration.ts'],
  ['packages/page/chats/x.ts', 'idb-keyval'],
  ['packages/page/words/x.ts', '../storage/stored-choice.ts'],
  ['packages/page/words/x.ts', '@preact/signals'],
  ['packages/page/storage/x.ts', './safe-storage.ts'],
  ['packages/page/storage/x.ts', '@preact/signals'],
  ['packages/page/status/x.tsx', '../state/key.ts'],
  ['packages/page/status/x.tsx', '../words/language.ts'],
  ['packages/page/markdown/x.ts', './block.ts'],
  ['packages/page/markdown/x.ts', 'marked'],
  ['packages/page/markdown/x.ts', '@speed-highlight/core/languages/js'],
  ['packages/fake-ollama/x.ts', 'node:net'],
  ['packages/fake-ollama/emulator/x.ts', '#ollama-grammar/duration.ts'],
  ['src/upstreams/x.ts', '#ollama-grammar/model-name.ts'],
  ['src/app.ts', '#fake-ollama'],
  ['tests/x.ts', '#fake-ollama/scripts.ts'],
  ['bench/x.ts', '../tests/lab/percentile.ts'],
  ['src/runtimes/x.ts', '../app.ts'],
  ['src/runtimes/x.ts', 'node:http'],
]

const refused: readonly Case[] = [
  // Imports from a folder further left in the chain of folders in CONTRIBUTING.md.
  ['src/errors.ts', './generation.ts'],
  ['src/exact-json.ts', './errors.ts'],
  ['src/within.ts', './errors.ts'],
  ['src/hex.ts', './errors.ts'],
  ['packages/ollama-grammar/host.ts', './errors.ts'],
  ['src/generation.ts', './config/parse-config.ts'],
  ['src/config/x.ts', '../errors.ts'],
  ['src/http1/x.ts', '../errors.ts'],
  ['src/http1/x.ts', '../upstreams/connect.ts'],
  ['src/http1/x.ts', 'node:net'],
  ['src/encoders/x.ts', '../relay/core.ts'],
  ['src/encoders/x.ts', '../config/parse-config.ts'],
  ['src/upstreams/x.ts', '../relay/core.ts'],
  ['src/upstreams/x.ts', '../config/parse-config.ts'],
  ['src/relay/x.ts', '../dialects/dialect.ts'],
  ['src/relay/x.ts', '../routes/health.ts'],
  ['src/relay/x.ts', '../config/parse-config.ts'],
  ['src/streams/x.ts', '../routes/attach.ts'],
  ['src/streams/x.ts', '../middleware/env.ts'],
  ['src/streams/x.ts', '../dialects/dialect.ts'],
  ['src/streams/x.ts', '../config/parse-config.ts'],
  ['src/streams/x.ts', '../app.ts'],
  ['src/streams/x.ts', '../store/redis/redis.ts'],
  ['src/store/redis/x.ts', '@redis/client'],
  ['src/store/objects/x.ts', 'cloudflare:workers'],
  ['src/store/redis/x.ts', '../../routes/attach.ts'],
  ['src/store/redis/x.ts', '../../middleware/keys.ts'],
  ['src/app.ts', './store/redis/redis.ts'],
  ['src/relay/x.ts', '../streams/run-log.ts'],
  ['src/pool/x.ts', '../relay/core.ts'],
  ['src/pool/x.ts', '../config/parse-config.ts'],
  ['src/upstreams/x.ts', '../pool/pool-view.ts'],
  ['src/telemetry/x.ts', '../relay/streams.ts'],
  ['src/telemetry/x.ts', 'hono'],
  ['src/middleware/x.ts', '../telemetry/usage.ts'],
  ['src/encoders/x.ts', '../streams/run-log.ts'],
  ['src/dialects/x.ts', '../streams/runs.ts'],
  ['src/middleware/x.ts', '../streams/runs.ts'],
  ['src/dialects/x.ts', '../routes/health.ts'],
  ['src/dialects/ollama/x.ts', '../../app.ts'],
  ['src/dialects/ollama/x.ts', '../../dialects.ts'],
  ['src/dialects/x.ts', '../dialects.ts'],
  ['src/dialects.ts', './routes/health.ts'],
  ['src/routes/x.ts', '../dialects.ts'],
  ['src/middleware/x.ts', '../routes/health.ts'],
  ['src/middleware/x.ts', '../app.ts'],
  ['src/middleware/x.ts', '../relay/relay.ts'],
  ['src/routes/x.ts', '../app.ts'],
  ['src/routes/x.ts', '../config/parse-config.ts'],
  ['src/routes/x.ts', '../http1/fault.ts'],
  ['src/app.ts', './runtimes/log.ts'],
  // Files for browsers must not import the server.
  ['packages/client/x.ts', '../../src/errors.ts'],
  ['packages/client/x.ts', '#page/chats/chat.ts'],
  ['packages/page/main.tsx', '../../src/errors.ts'],
  ['packages/page/state/x.ts', '../../../src/errors.ts'],
  ['packages/page/state/x.ts', '../../../src/dialects/dialect.ts'],
  ['packages/page/state/x.ts', 'hono'],
  // Imports between the page's own folders.
  ['packages/page/main.tsx', './words/words.ts'],
  ['packages/page/components/x.tsx', '../main.tsx'],
  ['packages/page/components/x.tsx', '#client'],
  ['packages/page/components/x.tsx', 'idb-keyval'],
  ['packages/page/state/x.ts', '../components/ui-state.ts'],
  ['packages/page/state/x.ts', '../words/words.ts'],
  ['packages/page/state/x.ts', '../markdown/markdown.ts'],
  ['packages/page/state/x.ts', 'preact'],
  ['packages/page/chats/x.ts', '../state/page-state.ts'],
  ['packages/page/chats/x.ts', '../components/ui-state.ts'],
  ['packages/page/chats/x.ts', '../words/words.ts'],
  ['packages/page/chats/x.ts', '#client'],
  ['packages/page/words/x.ts', '../components/ui-state.ts'],
  ['packages/page/words/x.ts', '../state/page-state.ts'],
  ['packages/page/words/x.ts', '../chats/chat.ts'],
  ['packages/page/storage/x.ts', '../state/host.ts'],
  ['packages/page/storage/x.ts', '../chats/chat.ts'],
  ['packages/page/storage/x.ts', '../words/words.ts'],
  ['packages/page/markdown/x.ts', '../state/page-state.ts'],
  ['packages/page/markdown/x.ts', '../components/copy-text.ts'],
  ['packages/page/markdown/x.ts', '../words/words.ts'],
  ['packages/page/markdown/x.ts', '../storage/safe-storage.ts'],
  ['packages/page/markdown/x.ts', '@preact/signals'],
  ['packages/page/status/x.tsx', '../words/words.ts'],
  ['packages/page/status/x.tsx', '../components/ui-state.ts'],
  ['packages/page/status/x.tsx', '../state/server.ts'],
  ['packages/page/components/x.tsx', '../status/watch.ts'],
  ['packages/page/another/x.ts', '../storage/safe-storage.ts'],
  // Relative imports from another package.
  ['packages/page/state/x.ts', '../../client/client.ts'],
  ['packages/fake-ollama/x.ts', '../../src/errors.ts'],
  ['packages/ollama-grammar/x.ts', '#fake-ollama'],
  ['src/app.ts', '../packages/fake-ollama/emulator/emulator.ts'],
  ['src/app.ts', './../packages/fake-ollama/emulator/emulator.ts'],
  ['src/upstreams/x.ts', '#fake-ollama'],
  ['src/runtimes/x.ts', '../../packages/fake-ollama/scripts.ts'],
  ['tests/a/b/x.ts', '../../../packages/client/client.ts'],
  ['bench/measures/x.ts', '../../packages/fake-ollama/scripts.ts'],
  ['tests/a/x.ts', '../../bench/lab.ts'],
  // Imports from a sibling folder.
  ['src/encoders/x.ts', '../upstreams/connect.ts'],
  ['src/upstreams/x.ts', '../encoders/sse.ts'],
  ['src/middleware/x.ts', '../dialects/issues.ts'],
  ['src/dialects/ollama/x.ts', '../plain/stream.ts'],
  ['src/dialects/plain/x.ts', '../ollama/stream.ts'],
  ['src/dialects/openai/chat/x.ts', '../completions/stream.ts'],
  ['src/dialects/openai/chat/x.ts', '../../plain/stream.ts'],
  ['src/dialects/x.ts', './ollama/native.ts'],
  ['packages/fake-ollama/emulator/x.ts', '../../../src/errors.ts'],
  ['packages/fake-ollama/emulator/x.ts', '../../../src/upstreams/connect.ts'],
  // Packages that these files must not import, although some other files may.
  ['src/errors.ts', 'hono'],
  ['src/generation.ts', 'valibot'],
  ['src/encoders/x.ts', 'hono'],
  ['src/encoders/x.ts', 'node:buffer'],
  ['src/upstreams/x.ts', 'node:http'],
  ['src/upstreams/x.ts', 'hono'],
  ['src/upstreams/x.ts', 'valibot'],
  ['src/upstreams/x.ts', 'ollama'],
  ['src/generation.ts', 'ollama/browser'],
  ['src/upstreams/x.ts', 'ollama/browser'],
  ['src/dialects/x.ts', 'ollama/browser'],
  ['src/relay/x.ts', 'hono'],
  ['src/relay/x.ts', 'node:timers'],
  ['src/relay/sink.ts', 'node:stream'],
  ['src/relay/sink.ts', '@hono/node-server'],
  ['src/streams/x.ts', 'hono'],
  ['src/streams/x.ts', 'node:crypto'],
  ['src/dialects.ts', 'valibot'],
  ['src/dialects/x.ts', 'hono'],
  ['src/dialects/ollama/x.ts', 'node:fs'],
  ['packages/fake-ollama/emulator/x.ts', 'valibot'],
  ['packages/fake-ollama/emulator/x.ts', 'node:crypto'],
  ['src/middleware/x.ts', 'valibot'],
  ['src/middleware/x.ts', 'node:crypto'],
  ['src/routes/x.ts', 'valibot'],
  ['src/routes/x.ts', '@hono/node-server'],
  ['src/routes/x.ts', 'cloudflare:workers'],
  ['src/app.ts', 'node:process'],
  ['src/app.ts', 'bun'],
  ['src/app.ts', 'ollama'],
  ['src/sluice.ts', 'node:process'],
  ['src/sluice.ts', './runtimes/node/sluice.ts'],
  ['src/index.ts', './runtimes/store.ts'],
]

let folder: string
let complaints: Map<string, string[]>

/** Writes each case into the file that it names, in a copy of the tree, and lints the copy. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-rule-'))
  complaints = new Map()
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  cpSync(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'))
  // Each file contains one import. So cases of the same file go into different rounds, and each
  // round is written and linted separately.
  const rounds: Case[][] = []
  for (const entry of [...allowed, ...refused]) {
    const round = rounds.find((round) => !round.some(([file]) => file === entry[0]))
    if (round) round.push(entry)
    else rounds.push([entry])
  }
  for (const round of rounds) {
    for (const room of rooms) rmSync(join(folder, room), { recursive: true, force: true })
    for (const [file, from, what = ''] of round) {
      mkdirSync(dirname(join(folder, file)), { recursive: true })
      writeFileSync(join(folder, file), `import ${what} { thing } from '${from}'\nexport ${what || 'const'} other = thing\n`)
    }
    for (const { filename, message } of lint()) {
      const [entry] = round.filter(([file]) => filename === file)
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

/** Returns the linter's messages about restricted imports in the tree. */
function lint(): Diagnostic[] {
  let said: string
  try {
    said = execFileSync(join(root, 'node_modules/.bin/oxlint'), ['--format', 'json', '.'], { cwd: folder, encoding: 'utf8' })
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
