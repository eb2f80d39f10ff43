import { toFrame } from '../../encoders/frame.ts'
import { toChunk } from './frame.ts'

type Kind = 'text' | 'reasoning'

/** The parts of one message that grow. At most one is open: a piece of another kind closes it and opens its own. */
export function createParts(emit: (frame: string) => void) {
  let open: { kind: Kind; id: string } | undefined
  let count = 0
  let head = '' // of a delta, up to its text: a token costs no more than the JSON of itself

  function close() {
    if (!open) return
    const { kind, id } = open
    open = undefined
    emit(toChunk({ type: `${kind}-end`, id }))
  }

  function begin(kind: Kind) {
    close()
    const id = `${kind}-${++count}`
    open = { kind, id }
    head = `{"type":"${kind}-delta","id":"${id}","delta":`
    emit(toChunk({ type: `${kind}-start`, id }))
  }

  return {
    close,
    write(kind: Kind, text: string) {
      if (open?.kind !== kind) begin(kind)
      emit(toFrame(`${head}${JSON.stringify(text)}}`))
    },
  }
}
