import { ServiceError } from '../errors.ts'
import type { Flow } from '../generation.ts'

/**
 * Reads a whole body as text.
 * @throws ServiceError `line_too_long` if the body is longer than `maxBytes`, `upstream_protocol`
 * if the body is not UTF-8; the error of the flow if the flow breaks
 */
export async function readAll(flow: Flow<Uint8Array>, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let text = ''
  let bytesRead = 0
  const decode = (bytes?: Uint8Array) => {
    try {
      text += decoder.decode(bytes, { stream: bytes !== undefined })
    } catch (cause) {
      throw new ServiceError('upstream_protocol', 'Cannot read the answer of Ollama: it is not UTF-8', { cause })
    }
  }
  const failed = Promise.withResolvers<never>()
  const read = flow((bytes) => {
    bytesRead += bytes.byteLength
    try {
      if (bytesRead > maxBytes)
        throw new ServiceError('line_too_long', `Cannot read the answer of Ollama: it is longer than ${maxBytes} bytes`)
      decode(bytes)
    } catch (error) {
      failed.reject(error)
      // The flow stays paused until the caller closes the connection.
      return failed.promise.catch(() => new Promise(() => {}))
    }
  })
  await Promise.race([read, failed.promise])
  decode()
  return text
}
