/** One TCP connection, as a runtime gives it. It may still be opening. */
export interface Wire {
  /** Gets the events of the connection. Each exchange on a wire sets a listener of its own. */
  listener: WireListener
  /** Sends in order. Returns false while the kernel does not take everything; `onDrain` follows. */
  write(data: string | Uint8Array): boolean
  /** Whether the kernel has taken everything. */
  readonly isFlushed: boolean
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

/** Opens a wire. Writes before it is open wait. A failure to open it is an `onClose`. */
export type Dial = (to: { readonly host: string; readonly port: number }) => Wire

/** The listener of a wire that nobody listens to. */
export const deaf: WireListener = { onBytes() {}, onDrain() {}, onClose() {} }
