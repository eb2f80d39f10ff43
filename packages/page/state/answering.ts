import type { Chat, Message } from '../chats/chat.ts'
import { toRequest } from '../chats/to-request.ts'
import { toThread } from '../chats/to-thread.ts'
import { withMessage } from '../chats/with-message.ts'
import { withoutUndefined } from '../chats/without-undefined.ts'
import { createId } from './create-id.ts'
import type { OpenChat } from './open-chat.ts'
import type { PageState } from './page-state.ts'
import type { Runs } from './runs.ts'

type Answering = Pick<PageState, 'send' | 'retry' | 'edit' | 'resume' | 'stop'>

interface AnsweringOptions {
  readonly open: OpenChat
  readonly runs: Runs
  readonly now: () => number
  /**
   * Returns the model that will probably answer. The last event of the answer names the model that
   * actually answered.
   */
  readonly toModel: (chat: Chat) => string | undefined
}

/**
 * Asks questions in the open chat, one at a time. While an answer is being written, further
 * questions are ignored.
 */
export function createAnswering({ open, runs, now, toModel }: AnsweringOptions): Answering {
  const toMessage = (role: Message['role'], parent: string, text = '', images: readonly string[] = []): Message => {
    const time = now()
    return { id: createId(), parent, createdAt: time, updatedAt: time, role, text, ...(images.length > 0 && { images }) }
  }
  /** Makes a new answer that replaces an answer without text, so that no empty branch is left. */
  const toFresh = ({ id, parent, createdAt }: Message): Message => ({ ...toMessage('assistant', parent), id, createdAt })
  const toUnended = (answer: Message): Message => {
    const { end: _, acceptedAt: __, ...unended } = answer
    return { ...unended, updatedAt: now() }
  }

  /** Calls `act` with the open chat, unless an answer of the chat is being written. */
  const change = (act: (chat: Chat) => void) => {
    const chat = open.chat.peek()
    if (!runs.all.peek().has(chat.id)) act(chat)
  }
  const ask = (chat: Chat, unnamed: Message) => {
    const answer = withoutUndefined({ ...unnamed, model: toModel(chat) })
    const next = choose(withMessage(chat, answer), answer)
    open.change(next)
    runs.start(next.id, answer, toRequest(next, answer.id))
  }
  const askNew = (chat: Chat, question: Message) => {
    if (question.text.trim() === '' && !question.images) return
    ask(withMessage(chat, question), toMessage('assistant', question.id))
  }

  return {
    send: (text, images) =>
      change((chat) => askNew(chat, toMessage('user', toThread(chat).at(-1)?.message.id ?? '', text, images))),
    edit: (questionId, text, images) =>
      change((chat) => {
        const question = chat.messages[questionId]
        if (question) askNew(chat, toMessage('user', question.parent, text, images))
      }),
    retry: (answerId) =>
      change((chat) => {
        const answer = chat.messages[answerId]
        if (answer) ask(chat, isEmpty(answer) ? toFresh(answer) : toMessage('assistant', answer.parent))
      }),
    resume: (answerId) =>
      change((chat) => {
        const answer = chat.messages[answerId]
        if (answer) ask(chat, answer.text === '' ? toFresh(answer) : toUnended(answer))
      }),
    stop: () => runs.stop(open.chat.peek().id),
  }
}

/** Returns a copy of the chat that shows the branch of this message. */
export function choose(chat: Chat, { parent, id }: Message): Chat {
  return { ...chat, chosen: { ...chat.chosen, [parent]: id } }
}

function isEmpty({ text, thinking = '', toolCalls = [] }: Message): boolean {
  return text === '' && thinking === '' && toolCalls.length === 0
}
