/** An answer of Redis. */
export type Reply = string | number | null | readonly Reply[]

/**
 * A connection to Redis. A runtime opens it. Each part of a command is one argument, so no text in
 * it can become another command.
 */
export interface Redis {
  /** Whether Redis can be reached, and answers quickly. */
  readonly isReady: boolean
  /**
   * Sends a command. The commands of one turn of the event loop travel together.
   * @throws Error if Redis cannot be reached, takes too long, or refuses the command
   */
  send(...command: readonly string[]): Promise<Reply>
  /**
   * Calls `listener` for each message of a channel, now and after each reconnection. A message can
   * be lost.
   */
  subscribe(channel: string, listener: (message: string) => void): void
  /** Calls `listener` each time that the connection is there again, and at the first time. */
  onConnected(listener: () => void): void
}
