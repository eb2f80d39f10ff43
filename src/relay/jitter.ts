/** A heartbeat comes at most a tenth of its interval early. */
const width = 0.1

/** (√5 − 1) / 2. Steps of this size, modulo 1, never gather anywhere. */
const goldenRatio = 0.6180339887498949

/**
 * Gives every stream a heartbeat interval of its own, up to a tenth below `ms`. When Ollama hangs,
 * its streams fall silent together. With one interval, all their heartbeats would be written in
 * the same tick, every time. 9,000 writes hold everybody up for a tenth of a second.
 */
export function createJitter(): (ms: number) => number {
  let phase = 0
  return (ms) => {
    phase = (phase + goldenRatio) % 1
    return ms * (1 - width * phase)
  }
}
