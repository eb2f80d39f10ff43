/** A mistake in a command line, or in a file that it names. The message has no secret. */
export class UsageError extends Error {}
