import { framingName, token } from './grammar.ts'

export interface RequestHead {
  readonly method: string
  readonly path: string
  /** With `host`, and without the length of the body. */
  readonly headers: Readonly<Record<string, string>>
  /** The length of the body in bytes. A request without a body has none. */
  readonly body?: number | 'chunked'
}

const startLine = new RegExp(`^${token} /[!-~]* HTTP/1\\.1$`)
const fieldLine = new RegExp(`^${token}: [\\t -~]*$`)

/**
 * Writes the head of a request, in ASCII. Its parts come from the configuration and from constants,
 * so a part that could add a header or a second request is a mistake of this program.
 * @throws TypeError, without the values, because one of them may be a key
 */
export function toRequestHead({ method, path, headers, body }: RequestHead): string {
  const names = Object.keys(headers)
  const fields = names.map((name) => `${name}: ${headers[name]}`)
  if (body !== undefined) fields.push(body === 'chunked' ? 'transfer-encoding: chunked' : `content-length: ${body}`)
  const start = `${method} ${path} HTTP/1.1`
  if (
    !startLine.test(start) ||
    !fields.every((field) => fieldLine.test(field)) ||
    names.some((name) => name.includes(':') || framingName.test(name))
  )
    throw new TypeError('Cannot write the request: its method, path or a header is malformed')
  return [start, ...fields, '', ''].join('\r\n')
}
