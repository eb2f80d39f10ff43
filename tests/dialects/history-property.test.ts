import * as fc from 'fast-check'
import { describe, test } from 'vitest'
import { ask, type Json } from './ask.ts'
import { checkBody, checkHeader } from './check-call.ts'
import { oddItem, oddMessage } from './odd-history.ts'

const question = { role: 'user', content: 'And now?', parts: [{ type: 'text', text: 'And now?' }] }
const toMessages = (history: readonly Json[]) => ({ messages: [...history, question] })

describe.each([
  ['/v1/chat/completions', oddMessage, toMessages],
  ['/v1/responses', oddItem, (history: readonly Json[]) => ({ input: [...history, question] })],
  ['/v1/messages', oddMessage, (history: readonly Json[]) => ({ max_tokens: 5, ...toMessages(history) })],
  ['/api/ui/chat', oddMessage, toMessages],
] as const)('POST %s', (path, said, toBody) => {
  test('refuses no history that a model, a tool or another server could have written', () => {
    fc.assert(
      fc.property(fc.array(said, { maxLength: 5 }), (history) => {
        const { body, header } = ask(path, toBody(history))
        checkBody(body)
        checkHeader(header)
      }),
      { numRuns: 3000 },
    )
  })
})
