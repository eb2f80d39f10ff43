import * as v from 'valibot'
import {
  address,
  aliases,
  apiKeys,
  attributes,
  basePath,
  bearer,
  filePath,
  flag,
  globs,
  headers,
  hosts,
  integer,
  keepAliveSeconds,
  modelName,
  ms,
  ollamaHost,
  ollamaHosts,
  origins,
  ratio,
  redisUrl,
  sampler,
  text,
  tokenSecret,
  trueOrFalse,
  webUrl,
} from './schemas.ts'

/** A variable of the environment. */
export interface Variable<T> {
  readonly name: string
  /** Parses the text of the variable. The text is undefined if the variable is unset. */
  readonly schema: v.GenericSchema<string | undefined, T>
}

/** Values by group and field. */
export type Groups<T> = Readonly<Record<string, Readonly<Record<string, T>>>>

function variable<T>(name: string, schema: Variable<T>['schema']): Variable<T> {
  return { name, schema }
}

/**
 * Every variable with its meaning and its default (docs/protocol.md#8-configuration). `Config` has
 * the same groups and fields. An empty variable counts as unset.
 */
export const variables = {
  /** Where the process listens, how it shuts down, and what it logs. */
  server: {
    /** The address to listen on. */
    host: variable('HOST', address('127.0.0.1')),
    /** The port to listen on. 0 means any free port. */
    port: variable('PORT', integer(8083, 0, 65_535)),
    /**
     * 1: other processes may listen on the same port. This needs Linux, and not Workers
     * (docs/deploy.md#11-several-processes).
     */
    reusePort: variable('SLUICE_REUSE_PORT', flag()),
    /** The path below which all routes are, such as `/ai`. Unset: no path. */
    base: variable('SLUICE_BASE', basePath),
    /** How long open streams may continue after SIGTERM. */
    shutdownGraceMs: variable('SLUICE_SHUTDOWN_GRACE_MS', ms(10_000)),
    /** The format of the access log. On a terminal the default is pretty. */
    log: variable('SLUICE_LOG', v.optional(v.picklist(['pretty', 'json', 'silent'], 'must be pretty, json or silent'), 'json')),
  },

  /** The Ollama server, or several of them. */
  upstream: {
    /** The address of Ollama, parsed by Ollama's own rules (docs/ollama.md#2-ollama_host). */
    host: variable('OLLAMA_HOST', ollamaHost),
    /** The key that is sent to the upstream as a Bearer token. */
    apiKey: variable('OLLAMA_API_KEY', bearer),
    /**
     * Several Ollamas in place of OLLAMA_HOST: `name=url[;tier=n][;max=n][;weight=n],…`. The key
     * of each is in a variable of its own (`toApiKeyName`).
     */
    hosts: variable('OLLAMA_HOSTS', ollamaHosts),
    /**
     * How long a connection to Ollama may take to open. `fetch` cannot tell connecting from
     * loading, so this has no effect on Workers, and on Bun and Deno not for https.
     */
    connectTimeoutMs: variable('SLUICE_CONNECT_TIMEOUT_MS', ms(3000)),
    /** 1: use the built-in emulator instead of OLLAMA_HOST and OLLAMA_HOSTS. */
    demo: variable('SLUICE_DEMO', flag()),
  },

  /** The queue in front of the upstream. */
  queue: {
    /** How many generations run at each Ollama at once; 0 = no limit. */
    running: variable('SLUICE_UPSTREAM_STREAMS', integer(0, 0, 1_000_000)),
    /** How many generations may wait until a running generation ends. */
    waiting: variable('SLUICE_QUEUE', integer(100, 0, 1_000_000)),
  },

  /** The models that requests may use. */
  models: {
    /** Globs of the models that callers may use. Unset: all models except cloud models. */
    allowed: variable('SLUICE_MODELS', globs),
    /** Other names for models, such as `gpt-4o=gemma3:270m,…`. */
    aliases: variable('SLUICE_ALIASES', aliases),
    /**
     * The model for a request that names no model. Unset: a loaded model, or else the newest
     * installed model.
     */
    defaultModel: variable('SLUICE_MODEL', modelName),
  },

  /** The limits on what a request may ask of a model; 0 = no limit. */
  clamps: {
    /** The largest number of tokens in an answer. */
    numPredict: variable('SLUICE_MAX_NUM_PREDICT', integer(0, 0, 2_147_483_647)),
    /** The largest context window that a request may ask for. */
    numCtx: variable('SLUICE_MAX_NUM_CTX', integer(0, 0, 2_147_483_647)),
    /** How long a request may keep its model loaded: seconds, or a duration such as 10m. */
    keepAliveSeconds: variable('SLUICE_MAX_KEEP_ALIVE', keepAliveSeconds),
  },

  /** The callers that Sluice answers (docs/protocol.md#7-who-may-ask). */
  access: {
    /**
     * The keys of callers: `name:sha256hex[:glob|glob…],…`, or the text of a file of keys.
     * `npx sluice key add NAME` makes a key. Unset: callers need no key, if there is no file of
     * keys.
     */
    keys: variable('SLUICE_API_KEYS', apiKeys),
    /** A file with the keys of callers. It is read again when it changes. Not on Workers. */
    keysFile: variable('SLUICE_API_KEYS_FILE', filePath),
    /**
     * Signs the stream tokens that `POST /tokens` makes. Unset: there are no tokens. All processes
     * and all places of a Worker need the same secret.
     */
    tokenSecret: variable('SLUICE_TOKEN_SECRET', tokenSecret),
    /**
     * 1: without keys, a program on this machine may read `/metrics` and `/status`. With keys, a
     * key with `admin` may.
     */
    operator: variable('SLUICE_OPERATOR', flag()),
    /** 1: the server may listen on any address, even without keys. */
    insecure: variable('SLUICE_INSECURE', flag()),
    /** The names that a `Host` header may have, besides loopback names and HOST. */
    hosts: variable('SLUICE_ALLOWED_HOSTS', hosts),
    /** Origins whose pages may send requests from a browser, besides the origin of this server. */
    origins: variable('SLUICE_CORS_ORIGINS', origins),
    /** 1: models may be pulled, pushed, created, copied and deleted through Sluice. */
    management: variable('SLUICE_MANAGEMENT', flag()),
  },

  /** The limits for each key, or for each IP address if there are no keys. 0 means no limit. */
  perCaller: {
    /** How many requests a caller may send in a minute. */
    perMinute: variable('SLUICE_RATE_PER_MINUTE', integer(0, 0, 1_000_000)),
    /** How many answers a caller may have at a time. */
    streams: variable('SLUICE_MAX_STREAMS_PER_KEY', integer(0, 0, 1_000_000)),
    /** How many tokens a caller may use in a minute, requests and answers together. */
    tokensPerMinute: variable('SLUICE_TOKENS_PER_MINUTE', integer(0, 0, 1_000_000_000_000)),
    /** How many tokens a caller may use in a day. */
    tokensPerDay: variable('SLUICE_TOKENS_PER_DAY', integer(0, 0, 1_000_000_000_000)),
  },

  /** The limits of the whole process. */
  limits: {
    /** How many streams may be open at once. */
    maxStreams: variable('SLUICE_MAX_STREAMS', integer(1000, 1, 1_000_000)),
    /** The largest request body, including its images. */
    maxBodyBytes: variable('SLUICE_MAX_BODY_BYTES', integer(16_777_216, 1, 1_073_741_824)),
    /**
     * The longest line that the upstream may send. The last line of an answer may contain a
     * `context` of several megabytes.
     */
    maxLineBytes: variable('SLUICE_MAX_LINE_BYTES', integer(4_194_304, 1024, 268_435_456)),
  },

  /** Streams that a reader can resume, and their logs (docs/resume.md). */
  resume: {
    /**
     * The longest time that a stream goes on without a reader, in seconds; 0 = none can be resumed.
     */
    maxSeconds: variable('SLUICE_RESUME_MAX_SECONDS', integer(60, 0, 86_400)),
    /** How many streams of a caller may go on without a reader, background responses included. */
    maxDetached: variable('SLUICE_RESUME_MAX_DETACHED', integer(4, 0, 1_000_000)),
    /** How many bytes of one stream are kept. The newest frames are kept. */
    runBytes: variable('SLUICE_RESUME_RUN_BYTES', integer(8_388_608, 65_536, 1_073_741_824)),
    /** How many bytes of all streams are kept. */
    totalBytes: variable('SLUICE_RESUME_TOTAL_BYTES', integer(268_435_456, 65_536, 68_719_476_736)),
    /** How long a finished stream is kept, in seconds. */
    keepSeconds: variable('SLUICE_RESUME_KEEP_SECONDS', integer(60, 0, 86_400)),
  },

  /** What several processes know together. */
  store: {
    /**
     * The Redis that all processes use. Unset: each process knows only its own streams and limits.
     */
    redis: variable('SLUICE_REDIS_URL', redisUrl),
    /**
     * How long the other processes wait for a process that says nothing, before they count it as
     * dead.
     */
    leaseMs: variable('SLUICE_REDIS_LEASE_MS', ms(10_000, { min: 1000 })),
  },

  /**
   * Where spans go, in the variables of OpenTelemetry (docs/observe.md). Without an address there
   * are none.
   */
  telemetry: {
    /** The base address of a collector that takes OTLP over HTTP. `/v1/traces` is added to it. */
    endpoint: variable('OTEL_EXPORTER_OTLP_ENDPOINT', webUrl),
    /** The whole address for traces. It goes before the base address. */
    tracesEndpoint: variable('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', webUrl),
    /** Headers for the collector: `name=value,…`, percent-encoded. They may be secret. */
    headers: variable('OTEL_EXPORTER_OTLP_HEADERS', headers),
    /** What all spans have in common: `name=value,…`, percent-encoded. */
    resource: variable('OTEL_RESOURCE_ATTRIBUTES', attributes),
    /** The name of this service. Unset: that of the attributes, or else `sluice`. */
    serviceName: variable('OTEL_SERVICE_NAME', text),
    /** Which traces have spans. */
    sampler: variable('OTEL_TRACES_SAMPLER', sampler),
    /** The share of the traces for the samplers with a ratio. */
    ratio: variable('OTEL_TRACES_SAMPLER_ARG', ratio),
    /** true: no spans, whatever else is set. */
    disabled: variable('OTEL_SDK_DISABLED', trueOrFalse),
  },

  /** The time limits of one stream. */
  deadlines: {
    /**
     * The longest time that an SSE response waits for its first event before its headers are sent.
     * The time starts when the request has been parsed. A failure within this time gets its real
     * HTTP status.
     */
    graceMs: variable('SLUICE_GRACE_MS', ms(250)),
    /**
     * How long a stream is silent before a heartbeat is sent. The default on workerd is 1 s,
     * because there only a heartbeat detects that a reader has disconnected (docs/hazards.md#11).
     */
    heartbeatMs: variable('SLUICE_HEARTBEAT_MS', ms(15_000, { min: 100 })),
    /**
     * How long the first token may take. The default is long, because loading a model may take
     * minutes. After a timeout, Ollama would have to load the model from the beginning.
     */
    firstTokenMs: variable('SLUICE_FIRST_TOKEN_TIMEOUT_MS', ms(600_000)),
    /** How long the upstream may be silent between two lines. */
    idleMs: variable('SLUICE_IDLE_TIMEOUT_MS', ms(120_000)),
    /** How long a stream may take in total. */
    totalMs: variable('SLUICE_TOTAL_TIMEOUT_MS', ms(3_600_000)),
    /** How long a reader may read nothing before its connection is closed. */
    stallMs: variable('SLUICE_STALL_TIMEOUT_MS', ms(30_000)),
  },
} satisfies Groups<Variable<unknown>>

/** Variables of earlier versions. Each maps to an error text that names the replacement. */
export const retired: Readonly<Record<string, string>> = {
  SLUICE_WORKERS: 'gone; start several processes with SLUICE_REUSE_PORT=1 (docs/deploy.md §11)',
}
