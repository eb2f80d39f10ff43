/**
 * The names of our keys in Redis. The 1 is the version of what they contain, so two versions of
 * Sluice can use one Redis. The braces are a hash tag: in a cluster, all keys of a run have one
 * slot, and so have all keys of an owner.
 */
const prefix = 'sluice:1:'

export const keys = {
  /** A stream: the frames of a run. */
  log: (run: string) => `${prefix}{${run}}:log`,
  /**
   * A hash: what a reader must know of a run. The owner is a part of the name, so that the run of
   * another owner and a run that does not exist take the same time to look up.
   */
  run: (run: string, owner: string) => `${prefix}{${run}}:run:${encodeURIComponent(owner)}`,
  /** A sorted set: the runs of an owner, by the time of their start. */
  runs: (owner: string) => `${prefix}{owner:${encodeURIComponent(owner)}}:runs`,
  /** The last run that an owner has started under a name. */
  chat: (owner: string, chat: string) => `${prefix}{owner:${encodeURIComponent(owner)}}:chat:${encodeURIComponent(chat)}`,
  /** A set: the open runs that an owner has started under a name. */
  chatRuns: (owner: string, chat: string) =>
    `${prefix}{owner:${encodeURIComponent(owner)}}:chat-runs:${encodeURIComponent(chat)}`,
  /** A channel. Each message asks the other processes to cancel an answer. */
  cancels: `${prefix}cancels`,
  /** A channel. Each message says that a cancel of this process has found its answer. */
  answers: (process: string) => `${prefix}{process:${process}}:answers`,
  /** The lease of a process. It exists as long as the process lives. */
  lease: (process: string) => `${prefix}{process:${process}}:lease`,
  /** A list: what other processes ask of a process. */
  inbox: (process: string) => `${prefix}{process:${process}}:inbox`,
  /** A channel. Each message is a bell for a process. */
  bell: (process: string) => `${prefix}{process:${process}}:bell`,
} as const
