import type { Chat, ChatSettings } from '../chats/chat.ts'
import type { KeptTexts } from '../storage/kept-texts.ts'
import { findModel } from './models.ts'
import type { Models } from './models.ts'
import type { InstalledModel } from './to-models.ts'

/** Which model answers. */
export interface ModelChoice {
  /** Of a chat's next answer; undefined while that is not known, or not installed. Follows the signals that it reads. */
  toModel(chat: Chat): InstalledModel | undefined
  /** Whether the chat's model is known not to be installed any more. */
  isGone(chat: Chat): boolean
  /** Settings of a new chat: the model of the one before, and the defaults else. */
  toSettings(before: Chat | undefined): ChatSettings
  /** For new chats, also after a reload. */
  remember(name: string | undefined): void
}

const name = 'sluice.model'

export function createModelChoice(models: Models, device: KeptTexts): ModelChoice {
  const isGone = ({ settings: { model } }: Pick<Chat, 'settings'>) => {
    const all = models.all.value
    return model !== undefined && all.length > 0 && !findModel(all, model)
  }
  return {
    isGone,
    toModel({ settings: { model: chosen } }) {
      const all = models.all.value
      const name = chosen ?? models.byDefault.value
      return name === undefined ? undefined : findModel(all, name)
    },
    toSettings(before) {
      const model = before ? before.settings.model : device.read(name)
      return model === undefined || isGone({ settings: { model } }) ? {} : { model }
    },
    remember: (model) => device.write(name, model),
  }
}
