import { useSignal } from '@preact/signals'
import { useId } from 'preact/hooks'
import { words } from '../words/words.ts'
import { Choice } from './choice.tsx'
import { closeDialog, Dialog } from './dialog.tsx'
import { NumberField } from './number-field.tsx'
import { usePage } from './page.ts'
import { SettingRow } from './setting-row.tsx'

const defaults = {
  system: undefined,
  think: undefined,
  temperature: undefined,
  numCtx: undefined,
  numPredict: undefined,
  seed: undefined,
  keepAlive: undefined,
}

/** The settings for the answers of this chat. Every change applies immediately. */
export function OptionsDialog() {
  const { chat, model, set } = usePage()
  const id = useId()
  const resets = useSignal(0)
  const w = words.value
  const { system = '', think, keepAlive = '' } = chat.value.settings
  const isKnown = keepAlive === '' || keepAlive in w.keepAlives
  const reset = () => {
    set(defaults)
    resets.value += 1
  }
  return (
    <Dialog title={w.options}>
      <label class="stack">
        <span>{w.system}</span>
        <textarea
          class="field"
          rows={4}
          dir="auto"
          placeholder={w.systemHint}
          value={system}
          onInput={({ currentTarget }) => set({ system: currentTarget.value || undefined })}
        />
      </label>
      <div class="rows" key={`${chat.value.id} ${resets.value}`}>
        {model.value?.capabilities?.includes('thinking') && (
          <Choice
            label={w.thinking}
            options={{ auto: w.byDefault, on: w.on, off: w.off }}
            value={think === undefined ? 'auto' : think ? 'on' : 'off'}
            onChoose={(value) => set({ think: value === 'auto' ? undefined : value === 'on' })}
          />
        )}
        <NumberField name="temperature" label={w.temperature} hint={w.temperatureHint} />
        <NumberField name="numCtx" label={w.numCtx} hint={w.numCtxHint} contextLength={model.value?.contextLength} />
        <NumberField name="numPredict" label={w.numPredict} hint={w.numPredictHint} />
        <NumberField name="seed" label={w.seed} hint={w.seedHint} />
        <SettingRow id={id} label={w.keepAlive} hint={w.keepAliveHint}>
          <select
            id={id}
            class="field is-short"
            aria-describedby={`${id}-hint`}
            value={keepAlive}
            onChange={({ currentTarget }) => set({ keepAlive: currentTarget.value || undefined })}
          >
            <option value="">{w.byDefault}</option>
            {Object.entries(w.keepAlives).map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
            {!isKnown && <option value={keepAlive}>{keepAlive}</option>}
          </select>
        </SettingRow>
      </div>
      <div class="buttons">
        <button type="button" class="button" onClick={reset}>
          {w.reset}
        </button>
        <button type="button" class="button is-main" onClick={closeDialog}>
          {w.done}
        </button>
      </div>
    </Dialog>
  )
}
