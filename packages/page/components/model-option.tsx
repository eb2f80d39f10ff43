import type { Model } from '../state/page-state.ts'
import { formatSize } from '../words/format.ts'
import { words } from '../words/words.ts'
import { Icon } from './icon.tsx'

interface ModelOptionProps {
  readonly id: string
  readonly model: Model
  readonly isChosen: boolean
  readonly isActive: boolean
  readonly onPoint: () => void
  readonly onChoose: () => void
}

/** One model of the list: its name, its size, its capabilities, and whether it is in memory. */
export function ModelOption({ id, model, isChosen, isActive, onPoint, onChoose }: ModelOptionProps) {
  const w = words.value
  const isDisabled = isEmbeddingOnly(model)
  const labels = (model.capabilities ?? []).map(w.capability).filter((label) => label !== undefined)
  const facts = [toParameters(model), formatSize(model.sizeBytes, w), model.quantization].filter(
    (fact) => fact && fact !== 'none',
  )
  return (
    <li
      id={id}
      role="option"
      class={`option ${isActive ? 'is-active' : ''}`}
      aria-selected={isChosen}
      aria-disabled={isDisabled}
      onPointerMove={isDisabled ? undefined : onPoint}
      onClick={isDisabled ? undefined : onChoose}
    >
      <span class="option-name">
        <span title={model.name}>{model.name.replace(/:latest$/, '')}</span>
        {model.isLoaded && <span class="dot" role="img" aria-label={w.loaded} title={w.loaded} />}
      </span>
      {isChosen && <Icon name="check" />}
      <span class="option-facts">{isDisabled ? w.embeddingOnly : facts.join(' · ')}</span>
      <span class="option-labels">
        {labels.map((label) => (
          <span key={label} class="label">
            {label}
          </span>
        ))}
      </span>
    </li>
  )
}

/** Whether a model only turns text into vectors, and so cannot answer. */
export function isEmbeddingOnly({ capabilities }: Model): boolean {
  return capabilities !== undefined && capabilities.includes('embedding') && !capabilities.includes('completion')
}

function toParameters({ parameters }: Model): string | undefined {
  return parameters === '0' ? undefined : parameters
}
