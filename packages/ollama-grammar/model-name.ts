/**
 * The grammar of Ollama's model names: `[host[:port]/][namespace/]name[:tag]` (Ollama's
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

/**
 * Whether a model runs on Ollama's servers. The tag of such a model is `cloud` or ends in `-cloud`.
 */
export function isCloud(name: string): boolean {
  return /[:-]cloud$/i.test(name)
}
