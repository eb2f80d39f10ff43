import { ChatHttpError, ChatStreamError } from '#client'
import type { End } from '../chats/chat.ts'

const lostCodes: readonly string[] = ['not_found', 'log_dropped', 'log_lost', 'producer_lost', 'not_resumable']

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

/** Returns how a resumable answer ended, if `end` means that its rest cannot be read any more. */
export function toInterruption(end: End): End {
  if (end.how !== 'failed') return end
  if (end.code === 'abandoned') return { how: 'interrupted', why: 'abandoned' }
  if (lostCodes.includes(end.code)) return { how: 'interrupted', why: 'lost' }
  return end
}
