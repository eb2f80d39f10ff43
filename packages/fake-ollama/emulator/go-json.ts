/**
 * Writes JSON as Go's `encoding/json` does: `<`, `>`, `&`, U+2028 and U+2029 are escaped, and lone
 * surrogates are replaced (docs/ollama.md#1-stream).
 */
export function toGoJson(value: unknown): string {
  const json = JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'string' ? inner.toWellFormed() : inner))
  return json.replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/**
 * Makes a response from one object as gin sends it: with a charset and without a newline at the end
 * (captures/generate-once).
 */
export function toJsonResponse(value: unknown, status = 200, contentType = 'application/json; charset=utf-8'): Response {
  return new Response(toGoJson(value), { status, headers: { 'content-type': contentType } })
}

/** An error with Ollama's text: `{"error":"…"}` and a status (docs/ollama.md#3-errors). */
export class OllamaError extends Error {
  readonly status: 400 | 404 | 500
  /**
   * The content type. Errors before the stream have a charset. Errors of Ollama's runner have no
   * charset (captures/error-bad-format).
   */
  readonly contentType: string | undefined

  constructor(status: 400 | 404 | 500, message: string, contentType?: string) {
    super(message)
    this.name = 'OllamaError'
    this.status = status
    this.contentType = contentType
  }
}
