/**
 * How Ollama writes and reads the names of models: `[host[:port]/][namespace/]name[:tag]` (its
 * `types/model/name.go`).
 */

/**
 * Whether a text has the form of a model's name. Such a name cannot be mistaken for a path, a URL
 * or a header.
 */
export function isModelName(text: string): boolean {
  return /^(?:(?:\w[\w.-]*(?::\d{1,5})?\/)?\w[\w.-]*\/)?\w[\w.-]*(?::\w[\w.-]*)?$/.test(text)
}

/** Adds the tag that a name without a tag means: `:latest`. */
export function toTagged(name: string): string {
  return /:[^/]*$/.test(name) ? name : `${name}:latest`
}

/**
 * Returns the full form of a name, which is equal for all names of one model. It is in lower case,
 * has a tag, and lacks the default host and namespace.
 */
export function toFullName(name: string): string {
  return toTagged(name.toLowerCase())
    .replace(/^registry\.ollama\.ai\//, '')
    .replace(/^library\//, '')
}

/** Models whose tag is `cloud` or ends in `-cloud` run on Ollama's servers. */
export function isCloud(name: string): boolean {
  return /[:-]cloud$/i.test(name)
}
