import { createChunks, type ChunkKind } from './chunks.ts'
import { toFinishReason } from './envelope.ts'

const completion: ChunkKind = {
  idPrefix: 'cmpl',
  object: 'text_completion',
  start: () => ({
    first: '',
    toPiece({ response, thinking }) {
      if (!thinking) return response ? `"text":${JSON.stringify(response)}` : ''
      return `"text":${JSON.stringify(response ?? '')},"reasoning":${JSON.stringify(thinking)}`
    },
    last: '"text":""',
    toFinishReason: (chunk) => toFinishReason(chunk),
  }),
}

/** https://platform.openai.com/docs/api-reference/completions */
export const completionChunks = createChunks(completion, { includeUsage: false })
export const completionChunksWithUsage = createChunks(completion, { includeUsage: true })
