import { ChatHttpError, ChatStreamError } from '#client'
import type { End } from '../chats/chat.ts'

/** Returns how an answer ended if its stream threw this error. */
export function toEnd(error: unknown, requestId: string): End {
  const text = error instanceof Error ? error.message : ''
  if (error instanceof ChatHttpError) {
    const { code, retryAfter, requestId: serverRequestId = requestId } = error
    return {
      how: 'failed',
      code,
      text,
      requestId: serverRequestId,
      ...(retryAfter !== undefined && { retryAfterSeconds: retryAfter }),
    }
  }
  if (error instanceof ChatStreamError) return { how: 'failed', code: error.code, text, requestId }
  return { how: 'failed', code: 'network', text, requestId }
}
