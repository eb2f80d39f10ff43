import { toFullName } from '#ollama-grammar/model-name.ts'
import type { HostView, PoolView } from '../pool/pool-view.ts'

export interface ModelLabelsOptions {
  /** What is known of the hosts now. */
  view: () => PoolView
  /** Other names for models. */
  aliases: Iterable<readonly [name: string, model: string]>
}

/** The most models that have a label of their own, whatever the hosts say. */
const maxModels = 200

/**
 * Returns the label of a model: its full name, if a host has it, and otherwise `other`. A caller
 * chooses the name in its request, so without this rule it could make as many series as it likes. A
 * host has a model that it lists, or that has just answered there. The label of an alias is the model
 * that it stands for.
 */
export function createModelLabels({ view, aliases }: ModelLabelsOptions): (model: string | undefined) => string {
  const modelByAlias = new Map(aliases)
  const labels = new Set<string>()
  /** The full names in a list. A host has the same list until it was asked again. */
  const namesOf = new WeakMap<readonly string[], ReadonlySet<string>>()

  function hasModel(installed: readonly string[], name: string): boolean {
    let names = namesOf.get(installed)
    if (!names) namesOf.set(installed, (names = new Set(installed.map(toFullName))))
    return names.has(name)
  }

  return (model) => {
    if (model === undefined) return 'other'
    const name = toFullName(modelByAlias.get(model) ?? model)
    const isKnown = ({ installed, loaded }: HostView) =>
      hasModel(installed, name) || loaded.some((one) => toFullName(one) === name)
    if (!view().hosts.some(isKnown)) return 'other'
    if (labels.size >= maxModels && !labels.has(name)) return 'other'
    labels.add(name)
    return name
  }
}
