declare const isCause: unique symbol

/**
 * What the access log contains about the cause of an error. Only `toCause` creates a `Cause`. The
 * text must not contain an error message, because a message may quote a prompt. For example, the
 * message of a JSON error quotes the text that could not be parsed.
 */
export type Cause = string & { readonly [isCause]: true }

/** An error code such as `ECONNREFUSED`, or `ConnectionRefused` on Bun. */
const code = /^[A-Z]\w{1,40}$/

/** The class name at the start of a stack. Node adds an error code after some names. */
const className = /^[\w$]+(?: \[\w+\])?/

/**
 * A line of a stack. Only the source position is captured, because the function name may contain
 * any text.
 */
const frame = /^ +at (?:.* \()?([^\s()]+:\d+:\d+)\)?$/

/**
 * Returns the code of a connection error. For any other error, returns its class and the source
 * positions in its stack.
 */
export function toCause(thrown: unknown): Cause | undefined {
  if (thrown === undefined) return undefined
  return toText(thrown) as Cause
}

function toText(thrown: unknown): string {
  if (!(thrown instanceof Error)) return typeof thrown
  const { code: known } = (thrown.cause ?? thrown) as { code?: unknown }
  if (typeof known === 'string' && code.test(known)) return known
  return [toClass(thrown), ...toPlaces(thrown)].join(' at ')
}

function toClass(error: Error): string {
  const { name } = (Object.getPrototypeOf(error) as Error).constructor
  return /^[A-Z]\w*$/.test(name) ? name : 'Error'
}

/**
 * Returns the source positions in a stack. Only the lines after the message are read, because lines
 * of the message may look like positions. The message in the stack may differ from `message`, if
 * `message` was changed later. Then it is unknown where the message in the stack ends, and the
 * result is empty.
 */
function toPlaces({ stack, message }: Error): string[] {
  if (typeof stack !== 'string') return []
  const [name] = className.exec(stack) ?? []
  const head = message === '' ? `${name}\n` : `${name}: ${message}\n`
  if (!stack.startsWith(head)) return []
  const frames = stack.slice(head.length).split('\n')
  return frames.flatMap((line) => frame.exec(line)?.[1] ?? [])
}
