import { computed, effect, signal, untracked } from '@preact/signals'
import type { Chat, Message } from '../chats/chat.ts'
import { findChats } from '../chats/find-chats.ts'
import { createHistory } from '../chats/history.ts'
import { createUnsavedChats } from '../chats/unsaved-chats.ts'
import { toSibling, toThread } from '../chats/to-thread.ts'
import { maxFileBytes, parseFile, toFile } from '../chats/transfer.ts'
import { withMessage } from '../chats/with-message.ts'
import { withoutUndefined } from '../chats/without-undefined.ts'
import { createSafeStorage } from '../storage/safe-storage.ts'
import { choose, createAnswering } from './answering.ts'
import { createAsk } from './ask.ts'
import { createFollowing } from './following.ts'
import type { Host } from './host.ts'
import { createKey } from './key.ts'
import { createLeaving } from './leaving.ts'
import { createLibrary } from './library.ts'
import type { ChatHistory } from './library.ts'
import { createModelChoice } from './model-choice.ts'
import { createModels } from './models.ts'
import { createOpenChat } from './open-chat.ts'
import type { PageState } from './page-state.ts'
import { createRuns } from './runs.ts'
import { createServer } from './server.ts'
import { toSummaries } from './to-summaries.ts'

export interface PageOptions {
  /** The path in front of the server's routes, such as `/ai`. By default, there is none. */
  readonly base?: string
  readonly host?: Host
  readonly history?: ChatHistory
  /** By default `Date.now`. */
  readonly now?: () => number
}

/** Creates the state of the chat page, and starts to read the history and to query the server. */
export function createPageState({
  base = '',
  host = window,
  history = createHistory(createUnsavedChats(createSafeStorage(host, 'localStorage'))),
  now = Date.now,
}: PageOptions = {}): PageState {
  const tab = createSafeStorage(host, 'sessionStorage')
  const device = createSafeStorage(host, 'localStorage')
  const key = createKey(tab, device)
  const ask = createAsk(host, key, base)
  const models = createModels(ask, tab)
  const server = createServer({ host, ask, key, models })
  const choice = createModelChoice(models, device)

  /** Returns the chat with this answer in it, if the chat still exists. */
  const withAnswer = (chatId: string, answer: Message): Chat | undefined => {
    const chat = library.all.peek().get(chatId)
    return chat && withMessage(chat, answer)
  }
  const save = (chatId: string, partial: Message) => {
    const chat = withAnswer(chatId, partial)
    if (chat) history.save(chat)
  }
  const runs = createRuns({
    base,
    host,
    key,
    now,
    accept(chatId, partial) {
      const chat = withAnswer(chatId, partial)
      if (chat) library.put(chat)
    },
    save,
    finish(chatId, answer) {
      const isInterrupted = isLeaving() && answer.end?.how === 'failed'
      const chat = withAnswer(chatId, isInterrupted ? { ...answer, end: { how: 'interrupted' } } : answer)
      if (!chat) return
      // Another tab may have read more of the same stream, so the two are merged.
      if (answer.acceptedAt === undefined) library.put(chat)
      else library.merge(chat)
      if (!isInterrupted) updateServer(answer)
    },
  })
  const following = createFollowing(runs, now)
  /** Updates the state of the server and of the models after an answer has ended. */
  const updateServer = ({ end, model }: Message) => {
    if (end?.how === 'failed') {
      if (end.code === 'unauthorized') server.lock()
      else if (end.code === 'network' || end.code === 'upstream_unreachable') void server.check()
    } else if (end?.how !== 'stopped' && model !== undefined) models.markLoaded(model)
  }

  /**
   * Returns the chat for an export. If an answer is being written, the exported answer is the text
   * so far and is marked as interrupted, because the file never receives the rest of it.
   */
  const toWritten = (chat: Chat): Chat => {
    const partial = runs.all.peek().get(chat.id)?.toPartial()
    return partial ? withMessage(chat, toClosed(partial)) : chat
  }

  const library = createLibrary({
    history,
    preferLocal(merged, local) {
      const id = runs.all.peek().get(local.id)?.run.answerId
      if (id === undefined && local.id !== open.chat.peek().id) return merged
      // The branches in view stay in view, even if another tab has chosen other ones.
      const chosen = { ...merged.chosen, ...local.chosen }
      const mine = id === undefined ? undefined : local.messages[id]
      // Other tabs can read an answer that has a stream, so their states of it count too.
      if (!mine || mine.stream) return { ...merged, chosen }
      return { ...merged, chosen, messages: { ...merged.messages, [mine.id]: mine } }
    },
    onShown: (chat) => following.follow(chat, false),
    onRemoved(id) {
      following.drop(id)
      open.close(id)
    },
  })
  const open = createOpenChat({ host, library, now, toSettings: choice.toSettings })
  const { chat } = open
  effect(() => {
    // When an answer of the chat has ended, another one may be waiting.
    if (!runs.ids.value.has(chat.value.id)) untracked(() => following.follow(chat.value, true))
  })
  const model = computed(() => choice.toModel(chat.value))
  const query = signal('')
  /**
   * Returns the time for a change. It is later than every earlier change, even if the clock was set
   * back.
   */
  const toNow = ({ updatedAt }: Chat) => Math.max(updatedAt + 1, now())

  const saveAll = (isGoing: boolean) => {
    for (const [chatId, partial] of runs.toPartials()) save(chatId, isGoing && !partial.stream ? toClosed(partial) : partial)
    if (isGoing) history.leave()
  }
  const isLeaving = createLeaving(host, saveAll)
  effect(() => {
    if (model.value) void models.loadAbilities(model.value.name)
  })
  const first = chat.peek()
  void server.check().then(() => {
    if (chat.peek() === first && choice.isGone(first)) open.change({ ...first, settings: {} })
  })

  return {
    chats: computed(() => toSummaries(findChats([...library.all.value.values()], query.value))),
    query,
    chat,
    isReading: library.isReading,
    open: open.open,
    create: open.create,
    async rename(id, title) {
      const named = library.all.peek().get(id)
      if (named) library.put({ ...named, title: title.trim(), updatedAt: toNow(named) })
    },
    async remove(id) {
      following.drop(id)
      open.close(id)
      await library.remove(id)
    },
    async removeAll() {
      for (const id of runs.ids.peek()) following.drop(id)
      open.close()
      await library.removeAll()
    },
    async exportAll() {
      await library.loaded
      return toFile([...library.all.peek().values()].map(toWritten))
    },
    async importFrom(file) {
      const chats = file.size > maxFileBytes ? undefined : parseFile(await file.text().catch(() => ''))
      for (const imported of chats ?? []) library.merge(imported)
      await history.flush()
      return chats?.length
    },
    historyProblem: history.problem,

    thread: computed(() => toThread(chat.value)),
    set(changes) {
      if ('model' in changes) choice.remember(changes.model)
      const before = chat.peek()
      const settings = withoutUndefined({ ...before.settings, ...changes })
      open.change({ ...before, settings, updatedAt: toNow(before) })
    },
    ...createAnswering({ open, runs, now, toModel: (chat) => chat.settings.model ?? choice.toModel(chat)?.name }),
    choose(messageId, step) {
      const before = chat.peek()
      const next = toSibling(before, messageId, step)
      if (next) open.change({ ...choose(before, next), updatedAt: toNow(before) })
    },

    run: computed(() => runs.all.value.get(chat.value.id)?.run),
    running: runs.ids,
    server: server.state,
    models: models.all,
    model,
    async refresh() {
      await server.check()
      await models.loadAllAbilities()
    },
    setKey: server.setKey,
    hasKey: key.isSet,
    forgetKey: server.forgetKey,
  }
}

/** Ends an answer whose page no longer reads it. */
function toClosed(partial: Message): Message {
  const { stream: _, ...closed } = partial
  return { ...closed, end: { how: 'interrupted' } }
}
