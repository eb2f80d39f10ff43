/**
 * The reason to close a connection and never use it again. `protocol`: its response breaks
 * HTTP/1.1, or has an uncertain end. `truncated`: it ended before the response did.
 */
export class Http1Fault extends Error {
  override readonly name = 'Http1Fault'
  readonly code: 'protocol' | 'truncated'

  constructor(message: string, code: 'protocol' | 'truncated' = 'protocol') {
    super(message)
    this.code = code
  }
}
