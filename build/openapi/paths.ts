import { assetPaths } from './asset-paths.ts'
import type { Envelope } from './failures.ts'
import type { GivenHeader } from './headers.ts'
import { toRef, type JsonSchema } from './json-schema.ts'
import type { Operation, Success } from './operation.ts'
import { examples } from './requests.ts'

type Methods = Readonly<Partial<Record<'get' | 'post' | 'delete' | 'head', Operation>>>
/** A path with its methods. GET comes with HEAD, unless `noHead` is true. */
export interface Route extends Methods {
  readonly noHead?: true
}

const sse = 'text/event-stream'
const ndjson = 'application/x-ndjson'
const json = 'application/json'
const plainText = 'text/plain'
const text: JsonSchema = { type: 'string' }

const prefer: JsonSchema = { $ref: '#/components/parameters/prefer' }
const lastEventId: JsonSchema = { $ref: '#/components/parameters/last-event-id' }
/** The two ways to name one of several Ollamas. */
const host: readonly JsonSchema[] = ['sluice-host', 'host'].map((name) => ({ $ref: `#/components/parameters/${name}` }))

const streamHeaders: readonly GivenHeader[] = [
  'cache-control',
  'x-accel-buffering?',
  'x-sluice-ignored?',
  'x-sluice-host?',
  'preference-applied?',
  'content-location?',
]

function toBody(name: string): JsonSchema {
  const description =
    'JSON in UTF-8, whatever its content type. One `Content-Encoding` is allowed: `gzip`, `deflate`, `br` or `zstd` ' +
    '(on Workers and Deno `gzip` or `deflate`). The nesting is 32 levels deep at most'
  return { required: true, description, content: { [json]: { schema: toRef(name), example: examples[name] } } }
}

const toPathParameter = (
  name: string,
  description: string,
  schema: JsonSchema = { type: 'string', minLength: 1 },
): JsonSchema => ({
  name,
  in: 'path',
  required: true,
  description,
  schema,
})

const empty = (description: string, ...headers: readonly GivenHeader[]): Success => ({ description, headers })
const alreadyRead = empty('The stream is over, and the reader has its terminal')
const toJson = (schema: string, description: string, ...headers: readonly GivenHeader[]): Success => ({
  description,
  headers,
  content: { [json]: toRef(schema) },
})

interface Generation {
  readonly tag: string
  readonly summary: string
  readonly description?: string
  readonly envelope?: Envelope
  readonly body: string
  readonly content: Success['content']
  readonly headers?: readonly GivenHeader[]
}

/** A route that generates an answer, and that a reader may resume. */
function toGeneration({ tag, summary, description, envelope = 'sluice', body, content, headers = [] }: Generation): Operation {
  return {
    tag,
    summary,
    ...(description && { description }),
    envelope,
    failures: 'generation',
    parameters: [prefer, lastEventId, ...host],
    body: toBody(body),
    successes: {
      200: { description: 'The answer', headers: [...streamHeaders, ...headers], content: content! },
      204: empty('The request has a `Last-Event-ID`, and its reader has the whole answer'),
    },
  }
}

/** Ollama's API below a prefix. */
function toOllama(base: '' | '/ollama'): Readonly<Record<string, Route>> {
  const [tag, envelope] = base === '' ? (['Native', 'sluice'] as const) : (['Ollama drop-in', 'ollama'] as const)
  const generation = (summary: string, body: string, kind: 'Generate' | 'Chat' | 'Progress'): Route => {
    const whole =
      kind === 'Progress'
        ? toRef('OllamaProgressLine')
        : { anyOf: [toRef(`Ollama${kind}Line`), toRef(`Ollama${kind}LastLine`)] }
    const bare = kind === 'Progress' ? {} : { [plainText]: text }
    const content =
      base === ''
        ? { [sse]: toRef(`${kind}Event`), [ndjson]: toRef(`${kind}Line`), ...bare, [json]: whole }
        : { [ndjson]: toRef(`Ollama${kind}StreamLine`), [json]: whole }
    return { post: toGeneration({ tag, summary, envelope, body, content, description: framings[base] }) }
  }
  const question = (summary: string, body: string, schema: string): Operation => ({
    tag,
    summary,
    envelope,
    failures: 'question',
    parameters: host,
    body: toBody(body),
    successes: { 200: toJson(schema, "Ollama's answer", 'x-sluice-ignored?', 'x-sluice-host?') },
  })
  const list = (summary: string, schema: string, ...headers: readonly GivenHeader[]): Operation => ({
    tag,
    summary,
    envelope,
    failures: 'lookup',
    parameters: [...(headers.length > 0 ? [prefer] : []), ...host],
    successes: {
      200: toJson(schema, "Ollama's answer, without the models that are not allowed", 'x-sluice-host?', ...headers),
    },
  })
  const managed = (operation: Operation): Operation => ({ ...operation, description: onlyManaged })
  const progress = (summary: string): Route => {
    const { post } = generation(summary, 'OllamaProgressRequest', 'Progress')
    return { post: { ...post!, description: `${onlyManaged} ${framings[base]}` } }
  }
  const nothing = { 200: empty('Done', 'x-sluice-host?') }
  const digest = toPathParameter('digest', 'The digest of the blob', { type: 'string', pattern: '^sha256:[0-9a-f]{64}$' })
  const routes: Readonly<Record<string, Route>> = {
    '/api/generate': generation('Generate a text', 'OllamaGenerateRequest', 'Generate'),
    '/api/chat': generation('Answer a chat', 'OllamaChatRequest', 'Chat'),
    '/api/tags': { get: list('List the installed models', 'OllamaModels', 'preference-applied?', 'x-sluice-default-model?') },
    '/api/ps': { get: list('List the loaded models', 'OllamaModels') },
    '/api/version': { get: list('The version of Ollama', 'OllamaVersion') },
    '/api/show': { post: question('Describe a model', 'OllamaNamedRequest', 'OllamaAnswer') },
    '/api/embed': { post: question('Embed texts', 'OllamaModelRequest', 'OllamaAnswer') },
    '/api/embeddings': { post: question('Embed a text (the older route)', 'OllamaModelRequest', 'OllamaAnswer') },
    '/api/pull': progress('Download a model'),
    '/api/push': progress('Upload a model'),
    '/api/create': progress('Create a model'),
    '/api/copy': {
      post: managed({
        ...question('Copy a model', 'OllamaCopyRequest', 'OllamaAnswer'),
        failures: 'management',
        successes: nothing,
      }),
    },
    '/api/delete': {
      delete: managed({
        ...question('Delete a model', 'OllamaNamedRequest', 'OllamaAnswer'),
        failures: 'management',
        successes: nothing,
      }),
    },
    '/api/blobs/{digest}': {
      head: managed({
        tag,
        summary: 'Whether Ollama has a blob',
        envelope,
        failures: 'blob',
        parameters: [digest, ...host],
        successes: { 200: empty('It has', 'x-sluice-host?') },
      }),
      post: managed({
        tag,
        summary: 'Upload a blob',
        envelope,
        failures: 'blob',
        parameters: [digest, ...host],
        body: { required: true, content: { 'application/octet-stream': {} } },
        successes: { 201: empty('Ollama has stored it', 'x-sluice-host?') },
      }),
    },
  }
  return Object.fromEntries(Object.entries(routes).map(([path, route]) => [base + path, route]))
}

const onlyManaged = 'The route exists only with `SLUICE_MANAGEMENT=1`. Otherwise the answer is a 404.'
const framings = {
  '':
    '`stream: false` gives one object. Otherwise `Accept` chooses the framing: SSE is the default, ' +
    '`application/x-ndjson` gives lines, and `text/plain` the bare text (docs/protocol.md, section 2). ' +
    'The schema of a stream is that of one event or one line.',
  '/ollama': 'A stream is NDJSON, whatever `Accept` says. The schema is that of one line. `stream: false` gives one object.',
}

/** The APIs of OpenAI, Anthropic and System One, below a prefix. */
function toCompatible(base: '' | '/ollama'): Readonly<Record<string, Route>> {
  const openai = { tag: 'OpenAI', envelope: 'openai' } as const
  const chosen = '`stream` chooses the framing. The schema of a stream is that of one event.'
  const generation = (summary: string, body: string, event: string, whole: string): Route => ({
    post: toGeneration({
      ...openai,
      summary,
      body,
      content: { [sse]: toRef(event), [json]: toRef(whole) },
      description: chosen,
    }),
  })
  const responseId = toPathParameter('id', 'The id of a background response, `resp_RUN`')
  const query = (name: string, description: string, schema: JsonSchema): JsonSchema => ({
    name,
    in: 'query',
    description,
    schema,
  })
  const list = { ...openai, failures: 'lookup' } as const
  const routes: Readonly<Record<string, Route>> = {
    '/v1/chat/completions': generation('Answer a chat', 'ChatCompletionRequest', 'ChatCompletionEvent', 'ChatCompletion'),
    '/v1/completions': generation('Complete a text', 'CompletionRequest', 'CompletionEvent', 'Completion'),
    '/v1/responses': generation('Create a response', 'ResponseRequest', 'ResponseEvent', 'Response'),
    '/v1/responses/{id}': {
      noHead: true,
      get: {
        ...openai,
        summary: 'Poll a background response, or read its events',
        failures: 'run',
        parameters: [
          responseId,
          query('stream', '`true`: the answer is a stream', { type: 'string' }),
          query('starting_after', 'The number of the last event that the reader has', {
            type: 'string',
            pattern: '^\\d{1,15}$',
          }),
        ],
        successes: {
          200: {
            description: 'The state of the response, or its events',
            headers: ['cache-control', 'x-accel-buffering?', 'content-location?'],
            content: { [json]: toRef('Response'), [sse]: toRef('ResponseEvent') },
          },
        },
      },
      delete: {
        ...openai,
        summary: 'Stop and erase a background response',
        failures: 'run',
        parameters: [responseId],
        successes: { 200: toJson('ResponseDeleted', 'It is erased') },
      },
    },
    '/v1/responses/{id}/cancel': {
      post: {
        ...openai,
        summary: 'Stop a background response',
        failures: 'run',
        parameters: [responseId],
        successes: { 200: toJson('Response', 'The state of the response', 'cache-control') },
      },
    },
    '/v1/embeddings': {
      post: {
        ...openai,
        summary: 'Embed texts',
        failures: 'question',
        parameters: host,
        body: toBody('EmbeddingsRequest'),
        successes: { 200: toJson('Embeddings', 'The vectors', 'x-sluice-ignored?', 'x-sluice-host?') },
      },
    },
    '/v1/models': {
      get: {
        ...list,
        summary: 'List the models',
        parameters: host,
        successes: { 200: toJson('Models', 'The installed models and the aliases', 'x-sluice-host?') },
      },
    },
    '/v1/models/{id}': {
      get: {
        ...list,
        summary: 'Describe a model',
        parameters: [toPathParameter('id', 'The name of a model. It may contain slashes, encoded or not'), ...host],
        successes: { 200: toJson('Model', 'The model', 'x-sluice-host?') },
      },
    },
    '/v1/messages': {
      post: toGeneration({
        tag: 'Anthropic',
        envelope: 'anthropic',
        summary: 'Create a message',
        body: 'MessageRequest',
        content: { [sse]: toRef('MessageEvent'), [json]: toRef('Message') },
        description: chosen,
      }),
    },
    '/v1/messages/count_tokens': {
      post: {
        tag: 'Anthropic',
        envelope: 'anthropic',
        summary: 'Always refused with `not_supported`, because Ollama counts tokens only when it answers',
        failures: 'question',
        body: { content: { [json]: { schema: { type: 'object' } } } },
        successes: {},
      },
    },
    '/v1/systemone': {
      post: {
        tag: 'Native',
        summary: "Ollama's classification",
        failures: 'question',
        parameters: host,
        body: toBody('OllamaModelRequest'),
        successes: { 200: toJson('OllamaAnswer', "Ollama's answer", 'x-sluice-host?') },
      },
    },
  }
  return Object.fromEntries(Object.entries(routes).map(([path, route]) => [base + path, route]))
}

const onlyOperator = 'Only for an operator: a key with `admin`, or `SLUICE_OPERATOR=1`. Others get 404.'
const toQueryParameter = (name: string, description: string): JsonSchema => ({
  name,
  in: 'query',
  description,
  schema: { type: 'string' },
})
const server = { tag: 'Server', isOpen: true } as const
const toText = (summary: string): Route => ({
  get: { ...server, summary, successes: { 200: { description: summary, content: { [plainText]: text } } } },
})
const streamId = toPathParameter('run', 'The id of the stream')
const chatId = toPathParameter('id', 'The id that `useChat` has given to the chat')
const resumed = { ...server, tag: 'Resume', isOpen: false, failures: 'run' } as const
const cancel: Operation = {
  tag: 'Resume',
  summary: 'Stop every answer with this request id',
  envelope: 'ollama',
  failures: 'cancel',
  parameters: [toPathParameter('id', 'The `x-request-id` of the answer')],
  // On Workers the header of this isolate's 404 stays, if another place has the answer.
  successes: { 204: empty('It is stopped', 'cache-control?') },
}

/** A file for browsers. */
function toFile({ summary, types, isPage = false, isMany = false }: (typeof assetPaths)[string]): Route {
  const headers: readonly GivenHeader[] = ['cache-control?', 'etag?', 'content-encoding?', 'x-typescript-types?']
  return {
    get: {
      ...server,
      summary,
      ...(isMany && {
        failures: 'file',
        parameters: [toPathParameter('file', 'The name of the file, which contains a hash of its content')],
      }),
      successes: {
        200: {
          description: 'The file',
          headers,
          content: {
            ...Object.fromEntries(types.map((type) => [type, type === json ? { type: 'object' } : text])),
            ...(isPage && { [plainText]: text }),
          },
        },
        304: empty('The client has this version of the file', 'cache-control', 'etag'),
      },
    },
  }
}

/** Every route, in the order of the document. */
export const routes: Readonly<Record<string, Route>> = {
  '/ping': { get: { ...server, summary: 'Whether the process runs', successes: { 200: toJson('Pong', 'It runs') } } },
  '/healthz': { get: { ...server, summary: 'Liveness', successes: { 200: toJson('Alive', 'It is alive') } } },
  '/readyz': {
    get: {
      ...server,
      summary: 'Readiness: whether Ollama answers',
      successes: {
        200: toJson('Ready', 'It is ready'),
        503: toJson('NotReady', 'It is not ready', 'cache-control?', 'retry-after?', 'x-sluice-ignored?'),
      },
    },
  },
  '/metrics': {
    get: {
      tag: 'Operator',
      summary: 'What this process has counted, for Prometheus',
      description: onlyOperator,
      failures: 'operator',
      successes: {
        200: {
          description: 'All metrics, in the format that `Accept` prefers',
          headers: ['cache-control', 'vary'],
          content: { [plainText]: text, 'application/openmetrics-text': text },
        },
      },
    },
  },
  ...Object.fromEntries(Object.entries(assetPaths).map(([path, asset]) => [path, toFile(asset)])),
  ...Object.fromEntries(['/v1', '/v1/'].map((path) => [path, toText('`Sluice is running`')])),
  ...Object.fromEntries(
    ['', '/api', '/v1']
      .flatMap((path) => [`/ollama${path}`, `/ollama${path}/`])
      .map((path) => [path, toText('`Ollama is running`')]),
  ),
  ...toOllama(''),
  ...toOllama('/ollama'),
  '/chat': {
    post: toGeneration({
      tag: 'Native',
      summary: 'Answer a text with events of text',
      body: 'PlainRequest',
      content: { [sse]: toRef('PlainEvent'), [plainText]: text },
      description: '`Accept: text/plain` gives the bare text. The schema of the event stream is that of one event.',
    }),
  },
  ...toCompatible(''),
  ...toCompatible('/ollama'),
  '/api/ui/chat': {
    post: toGeneration({
      tag: 'AI SDK',
      summary: 'Answer `useChat`',
      body: 'UiChatRequest',
      content: { [sse]: toRef('UiMessageEvent') },
      headers: ['x-vercel-ai-ui-message-stream'],
      description: 'The UI message stream, version 1. The schema is that of one event.',
    }),
  },
  '/api/ui/chat/{id}/stream': {
    noHead: true,
    get: {
      ...resumed,
      tag: 'AI SDK',
      summary: 'The last answer of a chat, from its beginning',
      parameters: [chatId],
      successes: {
        200: {
          description: 'The answer',
          headers: ['cache-control', 'x-accel-buffering', 'content-location', 'x-vercel-ai-ui-message-stream'],
          content: { [sse]: toRef('UiMessageEvent') },
        },
        204: empty('There is nothing to resume'),
      },
    },
  },
  '/api/ui/chat/{id}/stop': Object.fromEntries(
    ['post', 'delete'].map((method) => [
      method,
      {
        ...resumed,
        tag: 'AI SDK',
        summary: 'Stop the answers of a chat',
        parameters: [chatId],
        successes: { 204: empty('None is open') },
      },
    ]),
  ),
  '/status/data': {
    noHead: true,
    get: {
      tag: 'Operator',
      summary: 'What happens in this process',
      description: onlyOperator,
      failures: 'operator',
      successes: { 200: toJson('StatusData', 'The state of now, and of the last hour', 'cache-control') },
    },
  },
  '/status/streams': {
    delete: {
      tag: 'Operator',
      summary: 'Stop an answer of any key',
      description: onlyOperator,
      failures: 'stop',
      parameters: [
        { ...toQueryParameter('request_id', 'The `x-request-id` of the answer'), required: true },
        toQueryParameter('key', 'The name of its key. Absent if there are no keys'),
      ],
      successes: { 204: empty('It is stopped') },
    },
  },
  '/streams': {
    noHead: true,
    get: {
      ...resumed,
      summary: "List a key's own streams",
      successes: { 200: toJson('Streams', 'The streams, the oldest first', 'cache-control') },
    },
  },
  '/streams/{run}': {
    noHead: true,
    get: {
      ...resumed,
      summary: 'Read the rest of a stream',
      parameters: [
        streamId,
        lastEventId,
        {
          name: 'token',
          in: 'query',
          description: 'A stream token, for a client that can send no header, such as an `EventSource`',
          schema: { type: 'string' },
        },
        {
          name: 'after',
          in: 'query',
          description: 'The number of the last frame that the reader has',
          schema: { type: 'string', pattern: '^\\d{1,15}$' },
        },
      ],
      successes: {
        200: {
          description: 'The frames that follow',
          headers: [
            'cache-control',
            'x-accel-buffering',
            'content-location',
            'preference-applied?',
            'x-vercel-ai-ui-message-stream?',
          ],
          content: { [sse]: toRef('AnyEvent') },
        },
        204: alreadyRead,
      },
    },
    delete: {
      ...resumed,
      summary: 'Stop a stream, or erase a finished one',
      parameters: [streamId],
      successes: { 204: empty('It is stopped or erased') },
    },
  },
  '/tokens': {
    post: {
      tag: 'Server',
      summary: 'Make a stream token, which stands for the asking key for a short time',
      description: 'The route exists only with `SLUICE_TOKEN_SECRET`. Otherwise the answer is a 404.',
      failures: 'token',
      body: toBody('StreamTokenRequest'),
      successes: { 200: toJson('StreamToken', 'The token', 'cache-control') },
    },
  },
  '/usage': {
    noHead: true,
    get: {
      tag: 'Server',
      summary: 'The tokens that the asking key has used; an operator gets those of all keys',
      failures: 'cancel',
      successes: { 200: toJson('Usage', 'What the key has used since the process began', 'cache-control') },
    },
  },
  '/ollama/cancel/{id}': { noHead: true, get: cancel, post: cancel },
}
