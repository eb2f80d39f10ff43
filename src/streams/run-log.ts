/**
 * The frames of one run, in the order in which they were made. They are numbered from 0. The log is
 * the truth about a run: every reader gets its frames from here, so all readers get the same bytes.
 */
export interface RunLog extends ReadableLog {
  /**
   * Adds frames, and gives each its number. The producer never waits for the log. If the log is
   * full, its oldest frames are dropped.
   */
  append(frames: readonly string[]): void
  /** Returns whether no frame was ever added. */
  isEmpty(): boolean
  /**
   * Returns the number of the oldest frame that can be read, or of the next one if there is none.
   */
  oldest(): number
  /** Marks the end of the log. The last frame is the terminal of the stream. */
  close(): void
  /** Drops all frames. A reader who has not read everything gets `dropped`. */
  erase(): void
}

/** What a reader sees of a log. */
export interface ReadableLog {
  /** The id of the run. It has at least 128 random bits and consists of letters and digits. */
  readonly id: string
  /** Returns the newest frame. Undefined if there is none, or if it is no longer kept. */
  newest(): string | undefined | Promise<string | undefined>
  /**
   * Returns the frames that follow the frame `after`, each with its id: at least one if there is
   * one, and at most a few kilobytes if no frame is longer. -1 reads from the beginning. A promise
   * never rejects: frames that cannot be read count as `dropped`.
   */
  read(after: number): Part | Promise<Part>
  /**
   * Calls `listener` when there may be more to read. A call may be lost, so a reader also reads
   * when it sends a heartbeat. Frames that were just added may come with the call. Readers who are
   * up to date share them, and need not read. Returns a function that removes the listener.
   */
  onMore(listener: (added?: Added) => void): () => void
}

/** Frames that were just added to a log, joined. */
export interface Added {
  readonly frames: string
  /** The number of the frame in front of them. -1 if there is none. */
  readonly after: number
  /** The number of the last of them. */
  readonly last: number
}

/** The logs of a store. */
export interface RunLogs {
  /**
   * Creates an empty log with a new id. `onEmpty` is called if the log is closed, and has lost its
   * last frame to make room for other logs.
   */
  create(onEmpty?: () => void): RunLog
}

/**
 * The result of a read. `dropped`: the next frame was in the log, but it no longer is. `beyond`:
 * the log is closed, and it has never had the frame `after`. `lost`: the store has lost the next
 * frame, or the process that made it died before it could store it.
 */
export type Part =
  | 'dropped'
  | 'beyond'
  | 'lost'
  | {
      /** The frames, joined. Empty if there is none yet, or if the log has ended. */
      readonly frames: string
      /** The number of the last of these frames, or `after` if there is none. */
      readonly last: number
      /** Whether the log is closed and has no frame after `last`. */
      readonly isEnd: boolean
    }

/**
 * Returns a function that gives an SSE event of the run its id. The id is the last field, in front
 * of the blank line, because `fetch-event-source` takes an id for its own as soon as it has read
 * the field. With the id in front, this client would skip an event in whose middle its connection
 * breaks.
 */
export function createNumberer(run: string): (number: number, frame: string) => string {
  const field = `id: ${run}.` // once, because each part of a string costs time on Bun
  return (number, frame) => `${frame.slice(0, -1)}${field}${number}\n\n`
}

/** The id of a frame, as it stands in the `id` field of an SSE event. */
export interface FrameId {
  readonly run: string
  readonly number: number
}

/** Parses `RUN.NUMBER`. Returns undefined if the text has another form. */
export function parseFrameId(text: string): FrameId | undefined {
  const [, run, number] = /^([\da-zA-Z]{1,64})\.(\d{1,15})$/.exec(text) ?? []
  return run === undefined ? undefined : { run, number: Number(number) }
}
