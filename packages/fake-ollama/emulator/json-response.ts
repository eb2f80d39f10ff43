import { toGoJson } from './go-json.ts'

/** One object, as gin sends it: no newline, and a charset (captures/generate-once). */
export function toJsonResponse(value: unknown, status = 200, contentType = 'application/json; charset=utf-8'): Response {
  return new Response(toGoJson(value), { status, headers: { 'content-type': contentType } })
}
