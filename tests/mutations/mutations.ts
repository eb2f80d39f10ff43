/** One small mistake in the service, and the tests that must notice it. */
export interface Mutation {
  /** The path of the file, below `src/`. */
  readonly file: string
  /** Text that the file has exactly once. */
  readonly from: string
  readonly to: string
  /** The path of the test file, below `tests/` and without its `.test.ts`. */
  readonly test: string
  /** Only tests with this text in their title run. If absent, all tests of the file run. */
  readonly title?: string
}

/**
 * Mutations in all parts of the service. If a file no longer contains the `from` text of a mutation,
 * update the mutation.
 */
export const mutations: readonly Mutation[] = [
  // The life of a stream.
  {
    file: 'relay/core.ts',
    from: 'dueAt(startedAt, deadlines.totalMs)',
    to: 'dueAt(lastInAt, deadlines.totalMs)',
    test: 'relay/core',
  },
  {
    file: 'relay/core.ts',
    from: 'tally.firstDeltaAt === undefined && !isBlocked()',
    to: 'tally.firstDeltaAt === undefined',
    test: 'relay/core',
  },
  {
    file: 'relay/core.ts',
    from: '? dueAt(lastInAt, deadlines.idleMs)',
    to: '? dueAt(startedAt, deadlines.idleMs)',
    test: 'relay/core',
  },
  { file: 'relay/core.ts', from: 'dueAt(blockedSince, deadlines.stallMs)', to: 'Infinity', test: 'relay/core' },
  {
    file: 'relay/core.ts',
    from: ': startedAt + deadlines.graceMs',
    to: ': startedAt + 2 * deadlines.graceMs',
    test: 'relay/core',
  },
  {
    file: 'relay/core.ts',
    from: "isCommitted && !isBlocked() && encoder.heartbeat !== ''",
    to: "isCommitted && encoder.heartbeat !== ''",
    test: 'relay/core',
  },
  {
    file: 'relay/core.ts',
    from: "if (!core.ended) finish({ how: 'left' })",
    to: "finish({ how: 'left' })",
    test: 'relay/core',
  },
  { file: 'relay/core.ts', from: "if (core.ended) return ''\n      lastInAt = now", to: 'lastInAt = now', test: 'relay/core' },
  {
    file: 'relay/core.ts',
    from: 'error === undefined ? truncated() : toServiceError(error)',
    to: 'toServiceError(error)',
    test: 'relay/core',
  },
  { file: 'relay/writer.ts', from: '> 0xffff ? to - 1 : to', to: '> 0xffff ? to : to', test: 'relay/writer' },
  { file: 'relay/streams.ts', from: 'open.size >= max', to: 'open.size > max', test: 'relay/streams' },
  { file: 'relay/streams.ts', from: ' && stream.principal === principal', to: '', test: 'relay/streams' },

  // The answers that a reader can resume.
  { file: 'streams/life.ts', from: 'if (present > 0) return', to: '', test: 'streams/life' },
  { file: 'streams/life.ts', from: 'if (!life.isFinished) since = now', to: 'since = now', test: 'streams/life' },
  { file: 'streams/memory-log.ts', from: 'size > runBytes && ', to: 'size > 2 * runBytes && ', test: 'streams/memory-log' },
  { file: 'streams/memory-log.ts', from: 'ring({ after,', to: 'ring({ after: length,', test: 'streams/memory-log' },
  { file: 'streams/memory-log.ts', from: '!isClosed && !isErased', to: '!isClosed', test: 'streams/memory-log' },
  {
    file: 'streams/runs.ts',
    from: 'countDetached(caller) > maxDetached',
    to: 'countDetached(caller) >= maxDetached',
    test: 'streams/runs',
  },
  { file: 'streams/runs.ts', from: 'if (chats.get(toChatKey(owner, chat)) === run) chats', to: 'chats', test: 'streams/chats' },
  { file: 'store/redis/mirror.ts', from: 'while (isAsked) {', to: 'if (isAsked) {', test: 'store/redis/mirror' },
  { file: 'store/redis/own-runs.ts', from: ' * (1 - Math.random() / 2)', to: '', test: 'store/redis/own-runs' },
  { file: 'streams/runs.ts', from: 'run?.request.owner === owner', to: 'run', test: 'streams/runs' },
  { file: 'streams/runs.ts', from: 'stop = undefined', to: '', test: 'streams/runs' },
  { file: 'streams/recorder.ts', from: 'frames = undefined // what', to: '// what', test: 'streams/recorder' },
  { file: 'streams/recorder.ts', from: 'end: finish', to: 'end() {}', test: 'streams/recorder' },
  { file: 'streams/viewer.ts', from: 'position = part.last', to: 'position++', test: 'streams/viewer' },
  { file: 'streams/viewer.ts', from: ': blockedSince + stallMs', to: ': Infinity', test: 'streams/viewer' },
  { file: 'encoders/prefer.ts', from: 'Math.min(Number(value), maxSeconds)', to: 'Number(value)', test: 'encoders/prefer' },

  // The frames that a reader receives.
  { file: 'encoders/sse.ts', from: "event.line.includes('\\r')", to: 'false', test: 'encoders/sse' },
  { file: 'encoders/frame.ts', from: '/\\r\\n|\\r|\\n/g', to: '/\\r?\\n/g', test: 'encoders/frame' },
  { file: 'encoders/folded.ts', from: 'if (gathered > maxBytes)', to: 'if (gathered > 2 * maxBytes)', test: 'encoders/folded' },
  {
    file: 'encoders/negotiate.ts',
    from: '?? 0) > rival',
    to: '?? 0) >= rival',
    test: 'encoders/negotiate',
  },

  // The requests to Ollama, and Ollama's answers.
  {
    file: 'upstreams/line-decoder.ts',
    from: 'if (bufferedBytes > maxLineBytes) throw tooLong(maxLineBytes)',
    to: '',
    test: 'upstreams/line-decoder',
  },
  {
    file: 'upstreams/ollama-decoder.ts',
    from: "isEnded || line.trim() === ''",
    to: "line.trim() === ''",
    test: 'upstreams/ollama-decoder',
  },
  { file: 'upstreams/exchange.ts', from: 'status < 200 || status > 299', to: 'status > 499', test: 'upstreams/ollama' },
  { file: 'upstreams/upstream-error.ts', from: ".replaceAll(address, '[address]')", to: '', test: 'upstreams/upstream-error' },
  { file: 'upstreams/model-globs.ts', from: '(isForCloud || !isCloud(tagged)) && ', to: '', test: 'upstreams/model-globs' },
  { file: 'upstreams/policy.ts', from: 'modelByName.get(name) ?? name', to: 'name', test: 'upstreams/policy' },
  {
    file: 'upstreams/policy.ts',
    from: 'isListed(name) && isOfKey(name)',
    to: 'isListed(name) || isOfKey(name)',
    test: 'upstreams/policy',
  },
  { file: 'upstreams/clamps.ts', from: '!(value >= 0 && value <= max)', to: 'value > max', test: 'upstreams/clamps' },
  { file: 'pool/fair-lines.ts', from: 'if (lines.delete(key)) lines.set(key, line)', to: '', test: 'pool/queue' },
  { file: 'pool/host.ts', from: 'if (isOver) return', to: '', test: 'pool/queue' },
  { file: 'pool/choose.ts', from: 'host.tier === tier', to: 'host.tier > 0', test: 'pool/choose' },
  { file: 'pool/choose.ts', from: 'host.isWarm && ', to: '', test: 'pool/choose' },
  { file: 'pool/choose.ts', from: 'running + busy <', to: 'running <', test: 'pool/choose' },
  { file: 'pool/choose.ts', from: '!isOpen && !isTried', to: '!isTried', test: 'pool/choose' },
  { file: 'pool/health.ts', from: 'openUntil !== Infinity', to: 'false', test: 'pool/health' },
  { file: 'pool/pool.ts', from: ' || toFault(error) === undefined', to: '', test: 'pool/pool' },
  { file: 'pool/pool.ts', from: 'request.tried.add(host)', to: '', test: 'pool/pool' },
  { file: 'upstreams/waiting.ts', from: "'evaluating' : 'loading'", to: "'loading' : 'evaluating'", test: 'upstreams/waiting' },
  { file: 'upstreams/cached.ts', from: 'if (!caller.aborted) failure', to: 'failure', test: 'upstreams/cached' },
  { file: 'upstreams/think.ts', from: '!== false) {', to: '=== true) {', test: 'upstreams/think' },

  // Access control and limits.
  {
    file: 'config/parse-config.ts',
    from: "name.startsWith('SLUICE_')",
    to: "name.startsWith('SLUICE__')",
    test: 'config/parse-config',
  },
  { file: 'middleware/codings.ts', from: "br: 'brotli', ", to: '', test: 'runtimes/timing/bun', title: 'codings' },
  { file: 'middleware/base.ts', from: "rest.startsWith('/') ? rest : outside", to: 'rest', test: 'base', title: 'outside' },
  { file: 'middleware/principal-guard.ts', from: 'toServiceError(error)', to: 'error', test: 'sluice', title: 'throws' },
  { file: 'sluice.ts', from: "name !== ''", to: 'true', test: 'sluice', title: 'no principal' },
  { file: 'routes/assets.ts', from: '`"${base}/assets/`', to: `'"/assets/'`, test: 'base', title: 'the page' },
  {
    file: 'middleware/loopback.ts',
    from: "name.endsWith('.localhost')",
    to: "name.includes('localhost')",
    test: 'runtimes/node',
    title: 'hosts',
  },
  {
    file: 'middleware/origin-guard.ts',
    from: 'target?.host === url.host',
    to: 'target?.hostname === url.hostname',
    test: 'runtimes/node',
    title: 'origins',
  },
  {
    file: 'middleware/origin-guard.ts',
    from: '!isLink || !isOpen(c.req.path)',
    to: '!isLink',
    test: 'runtimes/node',
    title: 'origins',
  },
  { file: 'middleware/request-id.ts', from: '{1,128}', to: '+', test: 'runtimes/node', title: 'request ids' },
  { file: 'middleware/keys.ts', from: "[headers.get('api-key'), ", to: '[', test: 'runtimes/node', title: 'keys' },
  { file: 'middleware/keys.ts', from: 'if (ring.isExpired(key)) hasExpired = true', to: '', test: 'middleware/keys' },
  { file: 'middleware/key-ring.ts', from: 'expiresAt <= time()', to: 'expiresAt < time()', test: 'middleware/key-ring' },
  {
    file: 'middleware/key-ring.ts',
    from: 'filter((name) => !byName.has(name))',
    to: 'filter(() => true)',
    test: 'middleware/key-ring',
  },
  { file: 'relay/streams.ts', from: 'if (principals.has(principal)) fail', to: 'fail', test: 'relay/streams' },
  { file: 'runtimes/keys.ts', from: 'isDemanded ||= demanded', to: 'isDemanded = demanded', test: 'runtimes/keys' },
  { file: 'runtimes/key-file.ts', from: '`${ino} ${size} ${mtimeMs}`', to: '`${size} ${mtimeMs}`', test: 'runtimes/keys' },
  {
    file: 'middleware/memory-limits.ts',
    from: 'Math.max(used.count - ((time - used.at) * max) / periodMs, 0)',
    to: 'used.count - ((time - used.at) * max) / periodMs',
    test: 'middleware/memory-limits',
  },
  {
    file: 'store/redis/limits.ts',
    from: 'if (entry.used !== undefined) return',
    to: '',
    test: 'store/redis/limits',
  },
  {
    file: 'middleware/limits.ts',
    from: 'Math.max(tokens - count, -held)',
    to: 'tokens - count',
    test: 'middleware/memory-limits',
  },
  {
    file: 'middleware/token-estimate.ts',
    from: 'Math.min(...limits, maxOutput)',
    to: 'Math.min(...limits)',
    test: 'middleware/token-estimate',
  },
  { file: 'middleware/token-estimate.ts', from: 'return isSent && ', to: 'return ', test: 'middleware/token-estimate' },
  {
    file: 'routes/generations.ts',
    from: '    settleAnswer(outcome)\n',
    to: '',
    test: 'runtimes/node',
    title: 'a budget of tokens',
  },
  {
    file: 'middleware/stream-tokens.ts',
    from: 'token!.expires_at * 1000 > time()',
    to: 'true',
    test: 'runtimes/node',
    title: 'stream tokens',
  },
  {
    file: 'middleware/stream-tokens.ts',
    from: 'isEqual(toBytes(text), toBytes(await toSigned(signed, keyHash ?? noHash)))',
    to: 'true',
    test: 'runtimes/node',
    title: 'stream tokens',
  },
  {
    file: 'middleware/stream-tokens.ts',
    from: 'toBytes(`${text}.${keyHash}`)',
    to: 'toBytes(text)',
    test: 'runtimes/node',
    title: 'stream tokens',
  },
  {
    file: 'middleware/operator-guard.ts',
    from: "origin !== undefined && !isSameHost(origin, req.header('host'))",
    to: 'false',
    test: 'middleware/operator-guard',
  },
  {
    file: 'middleware/token-principal.ts',
    from: "method !== 'GET' || ",
    to: '',
    test: 'runtimes/node',
    title: 'stream tokens',
  },
  {
    file: 'middleware/token-guard.ts',
    from: '(surfaces?.includes(surface) ?? true)',
    to: 'true',
    test: 'runtimes/node',
    title: 'stream tokens',
  },
  { file: 'upstreams/policy.ts', from: ' && isOfToken(name)', to: '', test: 'runtimes/node', title: 'stream tokens' },
  { file: 'telemetry/usage.ts', from: 'models.size < maxModels', to: 'true', test: 'telemetry/usage' },
  { file: 'middleware/limit-guard.ts', from: '.slice(0, 4)', to: '.slice(0, 8)', test: 'middleware/limit-guard' },
  {
    file: 'middleware/json-body.ts',
    from: 'Number(length) > maxBytes',
    to: 'false',
    test: 'runtimes/node',
    title: 'the size limit of a body',
  },
  { file: 'middleware/decode.ts', from: 'decoded > maxBytes', to: 'decoded > 2 * maxBytes', test: 'middleware/decode' },
  { file: 'middleware/parse-json.ts', from: '++depth > maxDepth', to: '++depth > maxDepth + 1', test: 'middleware/parse-json' },
  { file: 'middleware/cause.ts', from: '[toClass(thrown), ', to: '[thrown.message, ', test: 'middleware/cause' },
  { file: 'middleware/access-log.ts', from: "?.path ?? '-'", to: '?.path ?? c.req.path', test: 'middleware/access-log' },

  // The dialects.
  { file: 'dialects/plain/stream.ts', from: "if (event.type === 'done') emit", to: 'emit', test: 'dialects/plain/stream' },
  {
    file: 'dialects/read-request.ts',
    from: 'Object.hasOwn(table, name) ? table[name] : undefined',
    to: 'table[name]',
    test: 'runtimes/node',
    title: 'constructor.prototype passes',
  },
  {
    file: 'dialects/ignored.ts',
    from: "room -= path.length + ', '.length",
    to: 'room -= path.length',
    test: 'dialects/ignored',
  },
  { file: 'dialects/history.ts', from: 'if (!place.isLast) return', to: 'return', test: 'dialects/openai/chat/call' },
  {
    file: 'dialects/tool-choice.ts',
    from: "if (isDemanded && isStream) throw refused(path, 'call')",
    to: '',
    test: 'dialects/openai/chat/call',
  },
  {
    file: 'dialects/openai/chunks.ts',
    from: 'if (includeUsage) emitJson',
    to: 'emitJson',
    test: 'dialects/openai/chat/stream',
  },
  {
    file: 'dialects/anthropic/stream.ts',
    from: 'close()\n      start(toToolUse(call, {}))',
    to: 'start(toToolUse(call, {}))',
    test: 'dialects/anthropic/stream',
  },
  { file: 'dialects/ai-sdk/stream.ts', from: "if (hasCalls) return 'tool-calls'", to: '', test: 'dialects/ai-sdk/stream' },
  { file: 'dialects/ollama/failure.ts', from: ' && Object.keys(fields).length === 1', to: '', test: 'dialects/ollama/stream' },

  // A reader that disconnects stops Ollama. A reader cannot mistake a cut for a normal end.
  { file: 'relay/relay.ts', from: 'else core.leave()', to: '', test: 'relay/relay' },
  {
    file: 'relay/stream.ts',
    from: "readerSignal.addEventListener('abort', leave)",
    to: '',
    test: 'runtimes/node',
    title: 'a reader that disconnects',
  },
  {
    file: 'relay/stream.ts',
    from: "readerSignal.addEventListener('abort', leave)",
    to: '',
    test: 'runtimes/bun',
    title: 'a reader that disconnects',
  },
  { file: 'runtimes/node/open.ts', from: 'outgoing.destroy()', to: 'undefined', test: 'runtimes/node', title: 'bare text' },
  {
    file: 'runtimes/bun/open.ts',
    from: 'ended.reject(undefined)',
    to: 'ended.resolve()',
    test: 'runtimes/bun',
    title: 'bare text',
  },
  {
    file: 'runtimes/worker/open.ts',
    from: 'writer.abort(cutting)',
    to: 'writer.close()',
    test: 'runtimes/worker',
    title: 'bare text',
  },
  {
    file: 'runtimes/node/via-http.ts',
    from: 'const abort = () => request.destroy()',
    to: 'const abort = () => {}',
    test: 'runtimes/node/via-http',
  },
  {
    file: 'runtimes/check-server.ts',
    from: 'access.insecure || isLoopback(server.host)) return',
    to: 'insecure || !isLoopback(host)) return',
    test: 'runtimes/process',
    title: 'an address that other machines reach',
  },
  // Metrics and spans.
  {
    file: 'telemetry/exposition.ts',
    from: String.raw`/[\\"\n]/g`,
    to: String.raw`/["\n]/g`,
    test: 'telemetry/exposition',
  },
  {
    file: 'telemetry/instruments.ts',
    from: 'if (states.size >= maxSeries && labels !== other) return find(other)',
    to: '',
    test: 'telemetry/exposition',
  },
  {
    file: 'telemetry/model-labels.ts',
    from: "if (!view().hosts.some(isKnown)) return 'other'",
    to: '',
    test: 'telemetry/metrics',
  },
  {
    file: 'telemetry/metrics.ts',
    from: 'if (line.resumed ||',
    to: 'if (',
    test: 'telemetry/metrics',
  },
  {
    file: 'telemetry/exporter.ts',
    from: 'counts.dropped += queue.splice(queueSize).length',
    to: '',
    test: 'telemetry/exporter',
  },
  {
    file: 'telemetry/exporter.ts',
    from: "redirect: 'manual'",
    to: "redirect: 'follow'",
    test: 'telemetry/exporter',
  },
  {
    file: 'telemetry/sampler.ts',
    from: 'isParentSampled ?? decide(traceId)',
    to: 'decide(traceId)',
    test: 'telemetry/sampler',
  },
  {
    file: 'middleware/trace.ts',
    from: '`00-${id}-${clientId}-0${flags}`',
    to: '`00-${id}-${parent?.id ?? clientId}-0${flags}`',
    test: 'middleware/trace',
  },

  // What an operator sees and does.
  {
    file: 'routes/status.ts',
    from: ".all('/status/streams', guard, methods('DELETE')",
    to: ".all('/status/streams', methods('DELETE'), guard",
    test: 'routes/status',
  },
  {
    file: 'routes/status.ts',
    from: 'streams.cancel(request) ||',
    to: '',
    test: 'routes/status',
  },
  { file: 'telemetry/recent.ts', from: ' && !line.resumed\n', to: '\n', test: 'telemetry/recent' },
  { file: 'telemetry/recent.ts', from: "cause.split(' ', 1)[0]!", to: 'cause', test: 'telemetry/recent' },
]
