/** A heartbeat comes early by at most this fraction of its interval. */
const width = 0.1

/** (√5 − 1) / 2. Multiples of this number, modulo 1, are spread evenly. */
const goldenRatio = 0.6180339887498949

/**
 * Returns a function that shortens an interval by up to a tenth. Call the function once for each
 * stream. Each call shortens the interval by a different amount. When Ollama hangs, all streams
 * fall silent at the same time. With equal intervals, all heartbeats would be written in the same
 * tick. 9,000 writes in one tick would delay all streams by a tenth of a second.
 */
export function createJitter(): (ms: number) => number {
  let phase = 0
  return (ms) => {
    phase = (phase + goldenRatio) % 1
    return ms * (1 - width * phase)
  }
}
