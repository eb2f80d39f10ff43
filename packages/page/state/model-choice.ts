import type { Chat, ChatSettings } from '../chats/chat.ts'
import type { SafeStorage } from '../storage/safe-storage.ts'
import { findModel } from './models.ts'
import type { Models } from './models.ts'
import type { InstalledModel } from './to-models.ts'

/** Chooses which model answers. */
export interface ModelChoice {
  /**
   * Returns the model for a chat's next answer, or `undefined` while the model is not known or not
   * installed. The method reads signals. A computed signal that calls it is computed again when one
   * of those signals changes.
   */
  toModel(chat: Chat): InstalledModel | undefined
  /** Whether the chat's model is known to be no longer installed. */
  isGone(chat: Chat): boolean
  /**
   * Returns the settings of a new chat: the model of the previous chat, and defaults for the rest.
   */
  toSettings(before: Chat | undefined): ChatSettings
  /** Remembers the model for new chats, also after a reload. */
  remember(name: string | undefined): void
}

const name = 'sluice.model'

export function createModelChoice(models: Models, device: SafeStorage): ModelChoice {
  const isGone = ({ settings: { model } }: Pick<Chat, 'settings'>) => {
    const all = models.all.value
    return model !== undefined && all.length > 0 && !findModel(all, model)
  }
  return {
    isGone,
    toModel({ settings: { model: chosen } }) {
      const all = models.all.value
      const name = chosen ?? models.defaultModel.value
      return name === undefined ? undefined : findModel(all, name)
    },
    toSettings(before) {
      const model = before ? before.settings.model : device.read(name)
      return model === undefined || isGone({ settings: { model } }) ? {} : { model }
    },
    remember: (model) => device.write(name, model),
  }
}
