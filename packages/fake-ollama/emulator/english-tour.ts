import type { NonEmpty } from './seeded.ts'

/**
 * One answer of the demo. The facts are in the body. The opening is chosen at random, so that
 * answers vary.
 */
interface Stop {
  openings: NonEmpty<string>
  body: string
}

/**
 * The answers in one language. A question gets the first topic that matches it, or else the
 * greeting.
 */
export interface Tour {
  topics: readonly (Stop & { asks: RegExp })[]
  greeting: Stop
  /** A stream with a requested fault repeats this text until the fault comes. */
  breaking: string
  closings: NonEmpty<string>
}

/**
 * Returns a function that makes a topic from a regular expression and a template. The regular
 * expression `asks` matches the questions that the topic answers. The template is the topic's body.
 */
export function topicsWith(...openings: NonEmpty<string>) {
  return (asks: RegExp) =>
    ([body = '']: TemplateStringsArray) => ({ asks, openings, body })
}

const about = topicsWith('That is quickly said.', 'Good question!', 'Gladly.')

/**
 * The demo's answers in English. Their facts come from docs/protocol.md, so change both together.
 */
export const englishTour: Tour = {
  closings: [
    'This text was made up by the demo: there is no model behind it.',
    'The demo wrote this; the way it came is real.',
  ],
  greeting: {
    openings: ['Hello! This answer is made up.', 'Welcome to the demo of Sluice.'],
    body: `You are talking to an emulator of Ollama without any model. Everything between it and you is the real Sluice. Ask me:

- what is Sluice?
- how do I stop an answer?
- what do errors look like?
- SSE or NDJSON?
- how do I use it from the browser?
- how do I run it with a real Ollama, with Bun, on Workers?
- which models are there?
- for some emoji, or 用中文介绍一下

Or make a stream go wrong: \`/fail after 5\`, \`/truncate after 5\`, \`/stall after 5\`, \`/slow-start 10\`.`,
  },
  breaking: 'This stream was asked to go wrong, and soon it will. Until then it is like any other, one token after the other. ',
  topics: [
    about(/emoji/i)`- 👩‍💻 is a woman, an invisible joiner and a computer
- 👨‍👩‍👧‍👦 is one family made of seven code points
- 👍🏽 has a skin tone, 🏳️‍🌈 is a flag and a rainbow

Tokens cut such pictures apart 🧩, and packets may end inside a character. Sluice relays whole lines only: 日本, Ünï¢ödé and \\u003c arrive as they left.`,
    about(
      /\b(stop|stops|stopping|cancel|abort|leave|leaving|leaves|quit|gpu|disconnect|close)\b/i,
    )`Close the tab, press Ctrl-C in \`curl\`, or abort the \`fetch\` by an \`AbortController\`. Sluice then closes its own request to Ollama, and Ollama stops the GPU: at once while it generates, at the first token while it still reads your prompt. On Node and Bun this takes some milliseconds, on Workers about a second.`,
    about(
      /\b(errors?|fail|fails|failures?|failed|wrong|broken?|breaks?|truncated?)\b/i,
    )`**Early**, before the first bytes: a real HTTP status and one JSON object. **Late**, behind a 200: the last frame of the stream.

\`\`\`
event: failed
data: {"error":"…","code":"upstream_failed","request_id":"…"}
\`\`\`

NDJSON gets the same object as its last line. A stream ends with \`"done":true\` or with a failure, never with both. Try \`/fail after 5\`.`,
    about(/\b(sse|ndjson|framings?|event[- ]?streams?|server[- ]sent|accept header)\b/i)`| | SSE | NDJSON |
|---|---|---|
| \`Accept\` | \`text/event-stream\`, the default | \`application/x-ndjson\` |
| a token | \`data: {…}\` and a blank line | one line |
| silence | a lone \`:\` every five seconds | nothing |

In both the object is Ollama's own, to the byte. With \`"stream": false\` there is just one of them.`,
    about(/\b(browser|javascript|typescript|js|fetch|eventsource|web ?page|front ?end|client)\b/i)`\`\`\`js
const response = await fetch('/chat', { method: 'POST', body: JSON.stringify({ text: 'Hello' }) })
const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
for (let part; !(part = await reader.read()).done; ) console.log(part.value)
\`\`\`

An \`EventSource\` cannot POST, and would ask again after every end. Show text as text & nothing else: a model may well write <script>.`,
    about(/\b(ollama|bun|workers?|workerd|wrangler|cloudflare|edge|install|real|pull|configur\w*|port|host)\b/i)`\`\`\`sh
ollama pull gemma3
npm start              # on Node, or on one of these:
npm run start:bun
npm run start:worker   # npm run deploy goes to Cloudflare
curl -N localhost:8083/chat -d '{"text":"Hello"}'
\`\`\`

Sluice looks for Ollama at \`http://127.0.0.1:11434\`; \`OLLAMA_HOST\` says otherwise. A cold model is silent while it loads, for minutes perhaps: a request that is cut starts the loading all over.`,
    about(/\b(models?|think\w*|tools?|embed\w*|functions?|json|schema)\b/i)`- \`demo\` answers, as now
- \`demo-thinking\` thinks first, unless you say \`"think": false\`
- \`demo-tools\` calls one of the \`tools\` of your request, then answers with what comes back as \`"role": "tool"\`
- \`demo-embed\` turns text into vectors at \`/api/embed\`

They understand \`stop\`, \`num_predict\`, \`seed\`, \`format\` and \`keep_alive\`. The first call of each is slow, as if it had to be loaded.`,
    about(
      /\bsluice\b|\bwho are you\b|\bwhat are you\b|\bwhat is this\b/i,
    )`Ollama answers in NDJSON, one JSON object a line. Sluice relays these lines to browsers as Server-Sent Events, as they come and as they are. It makes two promises:

1. Every stream ends in exactly one honest terminal: \`"done":true\`, or an \`event: failed\` that says why.
2. A reader who leaves stops the GPU.

The same app runs on Node, Bun and Cloudflare Workers. Ask me how errors look, or how to stop an answer.`,
  ],
}
