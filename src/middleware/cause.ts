declare const isCause: unique symbol

/**
 * What the access log says of the cause of an error. Only `toCause` makes one, so that no message can
 * become one: JavaScript's own JSON errors quote the text that they could not read.
 */
export type Cause = string & { readonly [isCause]: true }

/** `ECONNREFUSED`, and Bun's `ConnectionRefused`. */
const code = /^[A-Z]\w{1,40}$/

/** What a stack begins with; Node puts a code behind the name of some. */
const className = /^[\w$]+(?: \[\w+\])?/

/** A line of the stack. Its function has a name that may be made of anything, its place has not. */
const frame = /^ +at (?:.* \()?([^\s()]+:\d+:\d+)\)?$/

/** Of a connection's error the code, of any other the class and the places in our source. */
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
 * The stack behind the message, which may have lines that look like it. None where the message is
 * not found: it was changed then, and nobody knows where the old one ends.
 */
function toPlaces({ stack, message }: Error): string[] {
  if (typeof stack !== 'string') return []
  const [name] = className.exec(stack) ?? []
  const head = message === '' ? `${name}\n` : `${name}: ${message}\n`
  if (!stack.startsWith(head)) return []
  const frames = stack.slice(head.length).split('\n')
  return frames.flatMap((line) => frame.exec(line)?.[1] ?? [])
}
