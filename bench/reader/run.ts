import { request, type IncomingMessage } from 'node:http'
import { nowMs } from '../clock.ts'
import { MODEL, toPrompt, type Question } from '../upstream/question.ts'
import { toBody } from './ask.ts'
import type { Target } from './target.ts'

/** A response of the server, after its head has arrived. */
export interface Reading {
  readonly response: IncomingMessage
  /** Milliseconds from the request to the first byte of an event, comments not counted. */
  readonly firstMs: Promise<number>
  /** Resolves with the number of bytes when the response has ended or was left. */
  readonly ended: Promise<number>
  leave(): void
}

/** Sends a request on a connection of its own. Resolves when the head has arrived. */
export function read({ host, port }: Target, method: string, path: string, headers = {}, body = ''): Promise<Reading> {
  const startMs = nowMs()
  return new Promise((resolve, reject) => {
    const sent = request({ host, port, method, path, headers, agent: false }, (response) => {
      const first = Promise.withResolvers<number>()
      const ended = Promise.withResolvers<number>()
      let bytes = 0
      response.on('data', (piece: Buffer) => {
        bytes += piece.byteLength
        if (piece.includes('data:')) first.resolve(nowMs() - startMs)
      })
      response.on('error', () => {})
      response.on('close', () => ended.resolve(bytes))
      resolve({ response, firstMs: first.promise, ended: ended.promise, leave: () => sent.destroy() })
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

/** Starts a resumable stream. Resolves when its head has arrived. */
export async function startRun(target: Target, question: Question): Promise<Reading & { readonly stream: string }> {
  const headers = { 'content-type': 'application/json', prefer: 'resume' }
  const reading = await read(target, 'POST', target.path, headers, toBody(target.dialect, MODEL, toPrompt(question)))
  const stream = reading.response.headers['content-location']
  if (stream === undefined) throw new Error(`Cannot resume: the server answered ${reading.response.statusCode}`)
  return { ...reading, stream }
}
