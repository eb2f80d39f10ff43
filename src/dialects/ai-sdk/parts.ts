import { toFrame } from './frame.ts'

type Kind = 'text' | 'reasoning'

/** The parts of one message that grow: at most one is open, and what is of another kind closes it and opens its own. */
export function createParts() {
  let open: { kind: Kind; id: string } | undefined
  let count = 0
  let head = '' // of a delta's frame, up to its text: a token costs no more than the JSON of itself

  function close(): string {
    if (!open) return ''
    const { kind, id } = open
    open = undefined
    return toFrame({ type: `${kind}-end`, id })
  }

  function begin(kind: Kind): string {
    const frames = close()
    const id = `${kind}-${++count}`
    open = { kind, id }
    head = `data: {"type":"${kind}-delta","id":"${id}","delta":`
    return frames + toFrame({ type: `${kind}-start`, id })
  }

  return {
    close,
    write(kind: Kind, text: string | undefined): string {
      if (!text) return ''
      const frames = open?.kind === kind ? '' : begin(kind)
      return `${frames}${head}${JSON.stringify(text)}}\n\n`
    },
  }
}
