/** One TCP connection, as a runtime gives it. It may still be opening. */
export interface Wire {
  /** Gets the events of the connection. Each exchange on a wire sets a listener of its own. */
  listener: WireListener
  /**
   * Sends in order. Returns false if the kernel has not taken everything. `onDrain` is called when
   * it has.
   */
  write(data: string | Uint8Array): boolean
  /** Whether the kernel has taken everything. */
  isFlushed(): boolean
  /** Stops reading, so that the upstream has to wait. */
  pause(): void
  resume(): void
  /** Closes at once. The listener gets no more events. */
  destroy(): void
}

export interface WireListener {
  /**
   * The first `length` of `bytes` have come. They are valid until this returns, because all wires
   * may read into one buffer.
   */
  onBytes(bytes: Uint8Array, length: number): void
  onDrain(): void
  /**
   * The connection is over, and no byte follows. `error` is undefined if the upstream closed it
   * with a FIN.
   */
  onClose(error: unknown): void
}

/** Where a wire leads. */
export interface DialOptions {
  readonly host: string
  readonly port: number
  /** How long the connection may take to open, in milliseconds. 0 means no limit. */
  readonly timeoutMs: number
}

/**
 * Opens a wire. What is written before it is open waits. If it cannot be opened, or not in time,
 * `onClose` is called.
 */
export type Dial = (options: DialOptions) => Wire

/** A listener that ignores all events. */
export const deaf: WireListener = { onBytes() {}, onDrain() {}, onClose() {} }
