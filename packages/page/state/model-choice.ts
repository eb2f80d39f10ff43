import { signal } from '@preact/signals'
import type { Chat, ChatSettings } from '../chats/chat.ts'
import type { KeptTexts } from '../storage/kept-texts.ts'
import { findModel } from './models.ts'
import type { Models } from './models.ts'
import { toDefault } from './to-models.ts'
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
  /** A request that named no model got this one: the server's own choice (`SLUICE_MODEL`), which nothing else tells. */
  learnDefault(name: string): void
}

const name = 'sluice.model'

export function createModelChoice(models: Models, device: KeptTexts): ModelChoice {
  const byDefault = signal<string | undefined>(undefined)
  const isGone = ({ settings: { model } }: Pick<Chat, 'settings'>) => {
    const all = models.all.value
    return model !== undefined && all.length > 0 && !findModel(all, model)
  }
  return {
    isGone,
    toModel({ settings: { model: chosen } }) {
      const all = models.all.value
      if (chosen !== undefined) return findModel(all, chosen)
      return (byDefault.value === undefined ? undefined : findModel(all, byDefault.value)) ?? toDefault(all)
    },
    toSettings(before) {
      const model = before ? before.settings.model : device.read(name)
      return model === undefined || isGone({ settings: { model } }) ? {} : { model }
    },
    remember: (model) => device.write(name, model),
    learnDefault: (model) => void (byDefault.value = model),
  }
}
