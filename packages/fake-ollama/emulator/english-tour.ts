import type { Tour } from './tour.ts'

/** What the demo says in English. Facts are those of docs/protocol.md; change them together. */
export const englishTour: Tour = {
  closings: [
    'This text was made up by the demo: there is no model behind it.',
    '(No model wrote this. It is the demo speaking, token by token.)',
    'The demo wrote this answer; the way it reached you is the real one.',
  ],

  greeting: {
    openings: [
      'Hello! This answer is made up.',
      'Hi there. Nobody thought about this answer.',
      'Welcome to the demo of Sluice.',
    ],
    body: `You are talking to an emulator that speaks Ollama's API without any model. Everything between it and you is the real Sluice. Ask me:

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

  breaking:
    'This stream was asked to go wrong, and soon it will. Until then it is a stream like any other, one token after the other. ',

  topics: [
    {
      asks: /emoji/i,
      openings: ['Emoji, as you like 🎉', 'Here they come 🚀', 'With pleasure 😀'],
      body: `- 👩‍💻 is a woman, an invisible joiner and a computer
- 👨‍👩‍👧‍👦 is one family made of seven code points
- 👍🏽 has a skin tone, 🏳️‍🌈 is a flag and a rainbow
- 🇫🇷 is the letters F and R

Tokens cut such pictures apart 🧩, and network packets may end inside a single character ✂️. Sluice relays whole lines only, so no reader ever sees a broken one: 日本, Ünï¢ödé and \\u003c arrive as they left.`,
    },
    {
      asks: /\b(stop|stops|stopping|cancel|abort|leave|leaving|leaves|quit|gpu|disconnect|close)\b/i,
      openings: ['Just leave.', 'Walk away, that is all.', 'Close the connection.'],
      body: `Close the tab, press Ctrl-C in \`curl\`, or abort the \`fetch\`:

\`\`\`js
const leaving = new AbortController()
await fetch('/api/chat', { method: 'POST', body, signal: leaving.signal })
leaving.abort()
\`\`\`

Sluice then closes its own request to Ollama, and Ollama stops the GPU: at once while it is generating, at the first token while it is still evaluating your prompt. On Node and Bun this takes some milliseconds; a Worker notices when it next writes, on SSE within about a second.`,
    },
    {
      asks: /\b(errors?|fail|fails|failures?|failed|wrong|broken?|breaks?|truncated?)\b/i,
      openings: [
        'That depends on when it fails.',
        'There are two kinds, early ones and late ones.',
        'Never silently, that is the point.',
      ],
      body: `**Early**, before the first bytes: a real HTTP status, and JSON.

\`\`\`
404 {"error":"model 'x' not found","code":"model_not_found","request_id":"…"}
\`\`\`

**Late**, when the 200 has already left: the last frame of the stream.

\`\`\`
event: failed
data: {"error":"…","code":"upstream_failed","request_id":"…"}
\`\`\`

NDJSON gets the same object as its last line. So a stream ends with \`"done":true\` or with a failure, never with both; if you saw neither, it was cut. Try \`/fail after 5\`.`,
    },
    {
      asks: /\bbun\b/i,
      openings: ['Yes, it runs on Bun.', 'The same app, another server.', 'Bun it is.'],
      body: `\`\`\`sh
npm run start:bun
\`\`\`

There is no build: Bun runs the TypeScript as it is, and the app is the very same as on Node. One number to know: a Bun process has 256 \`fetch\`es at a time by default, and the 257th answer would wait in silence. \`BUN_CONFIG_MAX_HTTP_REQUESTS\` raises that; Bun reads it when it starts, which is why the script brings its own \`bun.env\`.`,
    },
    {
      asks: /\b(workers?|workerd|wrangler|cloudflare|edge)\b/i,
      openings: ['It runs on Cloudflare Workers, too.', 'Workers: the same app again.', 'On the edge? Sure.'],
      body: `\`\`\`sh
npm run start:worker   # workerd on your own machine
npm run deploy         # Cloudflare
\`\`\`

The variables are the same as elsewhere, but they come as bindings, and \`OLLAMA_HOST\` must be an address that Cloudflare can reach. One thing is special: a Worker learns that its reader left only when a write fails. So the heartbeat is the detector there, and comes every second instead of every five (\`SLUICE_HEARTBEAT_MS\`).`,
    },
    {
      asks: /\b(sse|ndjson|framings?|event[- ]?streams?|server[- ]sent|accept header)\b/i,
      openings: [
        'Both carry the same JSON, only the wrapping differs.',
        'Take SSE in a browser, NDJSON in a script.',
        'You choose, by `Accept`.',
      ],
      body: `- **SSE**, \`text/event-stream\`, is the default: \`data: {…}\` and a blank line. When nothing happens for five seconds a lone \`:\` follows, which keeps proxies awake.
- **NDJSON**, \`application/x-ndjson\`, is what Ollama sends: one object a line, and no heartbeat. Its headers leave with the first line, so every earlier failure has its real status.

In both the object is Ollama's own, to the byte. And with \`"stream": false\` there is just one of them.`,
    },
    {
      asks: /\b(browser|javascript|typescript|js|fetch|eventsource|web ?page|front ?end|client)\b/i,
      openings: ['With `fetch`, and a few lines.', 'Use `fetch`, not `EventSource`.', 'A POST and a loop, that is all.'],
      body: `\`\`\`js
const response = await fetch('/chat', { method: 'POST', body: JSON.stringify({ text: 'Hello' }) })
const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
for (let part; !(part = await reader.read()).done; ) console.log(part.value)
\`\`\`

\`/chat\` sends the text as \`messages\` events, then one \`done\` or \`failed\`; \`eventsource-parser\` takes them apart. An \`EventSource\` cannot POST, and would ask again after every end. Show text as text & nothing else: a model may well write <script>.`,
    },
    {
      asks: /\b(ollama|install|real|pull|configur\w*|port|host)\b/i,
      openings: ['Three commands.', 'You need Ollama and a model.', 'That is quickly done.'],
      body: `\`\`\`sh
ollama pull gemma3
npm start
curl -N localhost:8083/chat -d '{"text":"Hello"}'
\`\`\`

Sluice looks for Ollama at \`http://127.0.0.1:11434\`; \`OLLAMA_HOST\` says otherwise. A request that names no model gets \`SLUICE_MODEL\`, else one that is loaded, else the newest installed. A cold model is silent while it loads, for minutes perhaps: leave it the time, since a request that is cut starts the loading all over.`,
    },
    {
      asks: /\b(models?|think\w*|tools?|embed\w*|functions?|json|schema)\b/i,
      openings: ['The demo has four models.', 'Four models, none of them real.', 'Ask for a model by its name.'],
      body: `- \`demo\` answers, as now
- \`demo-thinking\` thinks first, unless you say \`"think": false\`
- \`demo-tools\` calls one of the \`tools\` of your request, then answers with what you send back as \`"role": "tool"\`
- \`demo-embed\` turns text into vectors at \`/api/embed\`

They understand \`stop\`, \`num_predict\`, \`seed\` (the same seed, the same answer), \`format\` with \`"json"\` or a schema, and \`keep_alive\`. The first call of each is slow, as if it had to be loaded; \`/api/ps\` then lists it.`,
    },
    {
      asks: /\bsluice\b|\bwho are you\b|\bwhat are you\b|\bwhat is this\b/i,
      openings: [
        'Sluice stands between browsers and Ollama.',
        'In short: text in, tokens out, nothing lost.',
        'A small gate in front of Ollama.',
      ],
      body: `Ollama answers in NDJSON, one JSON object a line. Sluice relays these lines to browsers as Server-Sent Events, as they come and as they are. It makes two promises:

1. Every stream ends in exactly one honest terminal: \`"done":true\`, or an \`event: failed\` that says why.
2. A reader who leaves stops the GPU.

The same app runs on Node, Bun and Cloudflare Workers. Ask me how errors look, or how to stop an answer.`,
    },
  ],
}
