/** A byte that every token has once and nothing else has: readers count tokens by it, whatever the framing around them. */
export const MARK = '~'

/** One flush of Ollama: a line of NDJSON in an HTTP chunk of its own. */
function toHttpChunk(fields: object): Buffer {
  const line = `${JSON.stringify(fields)}\n`
  return Buffer.from(`${Buffer.byteLength(line).toString(16)}\r\n${line}\r\n`)
}

const common = { model: 'bench', created_at: '2026-11-20T09:30:00.123456789Z' }

/** A token as Ollama sends it, 110 bytes. */
export const token = toHttpChunk({ ...common, response: ` tok${MARK}`, done: false })

const wideToken = toHttpChunk({ ...common, response: `${MARK}${' wide'.repeat(6_400)}`, done: false })

/** The last line and the end of the body. */
export const ending = Buffer.concat([
  toHttpChunk({ ...common, response: '', done: true, done_reason: 'stop', total_duration: 174560334, eval_count: 18 }),
  Buffer.from('0\r\n\r\n'),
])

const BLOCK_BYTES = 65_536
const toBlock = (chunk: Buffer): Buffer =>
  Buffer.concat(Array.from({ length: Math.floor(BLOCK_BYTES / chunk.length) }, () => chunk))

/** Many tokens to be sent by one write, each still in an HTTP chunk of its own, as a reader that lags behind Ollama finds them. */
export const block = toBlock(token)

/** The same with tokens of 32 KB, which fill the kernel's buffers in seconds on every runtime: small ones take minutes on workerd. */
export const wideBlock = toBlock(wideToken)
