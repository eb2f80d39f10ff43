import { isCloud, toTagged } from '#ollama-grammar/model-name.ts'

/**
 * Returns a function that tests whether the name of a model matches one of the globs. The only
 * wildcard is `*`. A name without a tag means `:latest`, as in Ollama. A cloud model sends prompts
 * to another machine. So only a glob that ends like the name of a cloud model, such as `*:cloud`,
 * matches cloud models. The glob `*` matches all other models. Without globs, all models except
 * cloud models match.
 */
export function createModelGlobs(globs: readonly string[] | undefined): (name: string) => boolean {
  const patterns = globs?.flatMap((glob) =>
    [glob, toTagged(glob)].map((pattern) => ({ test: toPattern(pattern), isCloud: isCloud(glob) })),
  )
  return (name) => {
    const tagged = toTagged(name)
    if (!patterns) return !isCloud(tagged)
    return patterns.some(({ test, isCloud: isForCloud }) => (isForCloud || !isCloud(tagged)) && test(tagged))
  }
}

/**
 * Returns a function that tests a name against one glob. The function searches for the parts
 * between the wildcards one after another, because a regular expression could take exponential
 * time.
 */
function toPattern(glob: string): (name: string) => boolean {
  const [first = '', ...rest] = glob.split('*')
  const last = rest.pop()
  return (name) => {
    if (last === undefined) return name === first
    if (!name.startsWith(first) || name.length < first.length + last.length || !name.endsWith(last)) return false
    let position = first.length
    const end = name.length - last.length
    for (const piece of rest) {
      const found = name.indexOf(piece, position)
      if (found === -1 || found + piece.length > end) return false
      position = found + piece.length
    }
    return true
  }
}
