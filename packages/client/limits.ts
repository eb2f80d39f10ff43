/** How many characters a frame may have. */
export const maxFrameLength = 16_000_000

/**
 * How long the client waits for the end of the body after the last event, and for the last event
 * after a stop. After this time it closes the connection.
 */
export const endLimitMs = 1000
/**
 * A connection that was silent for this long has missed a heartbeat, which comes every 15 s by
 * default. If the device wakes up then, the connection is probably dead. This is also the time
 * limit for the head of a response to a GET or DELETE.
 */
export const silentMs = 20_000
/**
 * How often the client tries to connect without progress, besides once for each second of the
 * grace. From the sixth try on a wait takes at least 2.5 s. So the client tries for longer than the
 * grace, and for as long as the server keeps a finished answer by default. Tries are counted and
 * not time, so a device that has slept for an hour still tries.
 */
export const leastAttempts = 30
