import { isBase64 } from './fields.ts'
import { invalidRequest } from './invalid-request.ts'
import { notSupported } from './not-supported.ts'

/**
 * A data URL → the base64 that Ollama takes. What stands at any other URL is not fetched: a reader must not choose what we connect to.
 * @throws ServiceError `not_supported` for another URL, `invalid_request` for a data URL that holds no base64
 */
export function toImage(url: string, path: string): string {
  if (!/^data:/i.test(url)) throw notSupported(path, 'send the image as a data URL; others are not fetched')
  const [head = '', data = ''] = url.split(',', 2)
  if (/^data:image\/[\w.+-]+(?:;[\w=.-]+)*;base64$/i.test(head) && isBase64(data)) return data
  throw invalidRequest(path, 'Expected a data URL of an image in base64')
}
