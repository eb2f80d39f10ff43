import { isCloud, toTagged } from '#ollama-grammar/model-name.ts'

/**
 * Whether a model's name is one of these globs, whose only wildcard is `*`. A name without a tag means `:latest`, as it does for Ollama. A
 * cloud model takes prompts elsewhere: only a glob that says so itself lists it, `*` does not.
 */
export function createModelGlobs(globs: readonly string[] | undefined): (name: string) => boolean {
  const patterns = globs?.flatMap((glob) =>
    [glob, toTagged(glob)].map((one) => ({ test: toPattern(one), isCloud: isCloud(glob) })),
  )
  return (name) => {
    const tagged = toTagged(name)
    if (!patterns) return !isCloud(tagged)
    return patterns.some(({ test, isCloud: isForCloud }) => (isForCloud || !isCloud(tagged)) && test(tagged))
  }
}

/** Piece by piece and never by a regular expression that could take exponential time. */
function toPattern(glob: string): (name: string) => boolean {
  const [first = '', ...rest] = glob.split('*')
  const last = rest.pop()
  return (name) => {
    if (last === undefined) return name === first
    if (!name.startsWith(first) || name.length < first.length + last.length || !name.endsWith(last)) return false
    let at = first.length
    const end = name.length - last.length
    for (const piece of rest) {
      const found = name.indexOf(piece, at)
      if (found === -1 || found + piece.length > end) return false
      at = found + piece.length
    }
    return true
  }
}
