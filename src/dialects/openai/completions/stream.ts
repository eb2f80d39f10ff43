import { createChunks, type ChunkKind } from '../chunks.ts'
import { toFinishReason } from '../envelope.ts'

const completion: ChunkKind = {
  idPrefix: 'cmpl',
  object: 'text_completion',
  start: () => ({
    toChoice({ response, thinking }) {
      if (!thinking) return response ? `"text":${JSON.stringify(response)}` : ''
      return `"text":${JSON.stringify(response ?? '')},"reasoning":${JSON.stringify(thinking)}`
    },
    last: { text: '' },
    toFinishReason,
  }),
}

/** https://platform.openai.com/docs/api-reference/completions */
export const completionStream = createChunks(completion, { includeUsage: false })
export const completionStreamWithUsage = createChunks(completion, { includeUsage: true })
