/** A tenth: who waits for a heartbeat hears it so much earlier at most. */
const width = 0.1

/** (√5 − 1) / 2: steps of it, modulo 1, never gather anywhere. */
const goldenRatio = 0.6180339887498949

/**
 * Gives every stream a heartbeat interval of its own, up to a tenth below `ms`. Streams that fall silent together, when their Ollama hangs, would
 * all be written to in one tick, for ever: 9,000 writes hold everybody up for a tenth of a second.
 */
export function createSpread(): (ms: number) => number {
  let phase = 0
  return (ms) => {
    phase = (phase + goldenRatio) % 1
    return ms * (1 - width * phase)
  }
}
