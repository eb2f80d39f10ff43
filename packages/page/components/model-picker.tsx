import { useComputed, useSignal } from '@preact/signals'
import { useId, useRef } from 'preact/hooks'
import { words } from '../words/words.ts'
import { Icon } from './icon.tsx'
import { isEmbeddingOnly, ModelOption } from './model-option.tsx'
import { usePage } from './page.ts'
import { placePopover } from './place-popover.ts'
import { isComposing } from './shortcuts.ts'
import { canFocusFields, focusComposer } from './ui-state.ts'

/**
 * The button and the list with which the user chooses the model for this chat. The list has a
 * search field, and can be used with a pointer or a keyboard.
 */
export function ModelPicker() {
  const { model, models, refresh, set } = usePage()
  const id = useId()
  const query = useSignal('')
  const isOpen = useSignal(false)
  const active = useSignal<string | undefined>(undefined)
  const opener = useRef<HTMLButtonElement>(null)
  const popover = useRef<HTMLDivElement>(null)
  const w = words.value

  const found = useComputed(() =>
    models.value.filter(({ name }) => name.toLowerCase().includes(query.value.trim().toLowerCase())),
  )
  const usable = useComputed(() => found.value.filter((model) => !isEmbeddingOnly(model)))
  const current = usable.value.find(({ name }) => name === active.value) ?? usable.value[0]
  const optionId = (name: string) => `${id}-${models.value.findIndex((model) => model.name === name)}`

  const choose = (name: string) => {
    set({ model: name })
    popover.current!.hidePopover()
    focusComposer()
  }
  // The query must be reset before the popover opens. The `toggle` event comes only after the
  // popover has opened. By then a fast user may already have typed.
  const onBeforeToggle = ({ newState }: { newState: string }) => {
    query.value = ''
    if (newState === 'open') active.value = model.value?.name
  }
  const onToggle = ({ newState }: { newState: string }) => {
    isOpen.value = newState === 'open'
    if (!isOpen.value) return
    placePopover(popover.current!, opener.current!)
    void refresh()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (isComposing(event)) return
    const index = usable.value.findIndex(({ name }) => name === current?.name)
    const to = { ArrowDown: index + 1, ArrowUp: index - 1, PageDown: usable.value.length - 1, PageUp: 0 }[event.key]
    if (event.key === 'Enter' && current) choose(current.name)
    else if (to === undefined) return
    else {
      active.value = usable.value.at(to % usable.value.length)?.name
      requestAnimationFrame(() => document.getElementById(optionId(active.value!))?.scrollIntoView({ block: 'nearest' }))
    }
    event.preventDefault()
  }

  return (
    <>
      <button
        ref={opener}
        type="button"
        class="model-button"
        popovertarget={id}
        aria-haspopup="dialog"
        aria-expanded={isOpen.value}
        aria-label={model.value ? `${w.model}: ${model.value.name}` : w.chooseModel}
      >
        <span>{model.value ? toShortName(model.value.name) : w.model}</span>
        <Icon name="down" />
      </button>
      <div
        id={id}
        ref={popover}
        popover="auto"
        class="picker"
        role="dialog"
        aria-label={w.chooseModel}
        onBeforeToggle={onBeforeToggle}
        onToggle={onToggle}
      >
        <label class="search">
          <Icon name="search" />
          <input
            type="text"
            autoFocus={canFocusFields}
            role="combobox"
            aria-label={w.findModel}
            placeholder={w.findModel}
            aria-autocomplete="list"
            aria-expanded={true}
            aria-controls={`${id}-list`}
            aria-activedescendant={current && optionId(current.name)}
            autocomplete="off"
            spellcheck={false}
            value={query.value}
            onInput={({ currentTarget }) => (query.value = currentTarget.value)}
            onKeyDown={onKeyDown}
          />
        </label>
        {found.value.length === 0 && <p class="list-empty">{w.noModelFound}</p>}
        <ul id={`${id}-list`} role="listbox" aria-label={w.model}>
          {found.value.map((option) => (
            <ModelOption
              key={option.name}
              id={optionId(option.name)}
              model={option}
              isChosen={option.name === model.value?.name}
              isActive={option.name === current?.name}
              onPoint={() => (active.value = option.name)}
              onChoose={() => choose(option.name)}
            />
          ))}
        </ul>
      </div>
    </>
  )
}

/** Removes `:latest`, which is the default tag. */
export function toShortName(name: string): string {
  return name.replace(/:latest$/, '')
}
