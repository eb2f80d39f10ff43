declare const isCause: unique symbol

/**
 * What the access log says about the cause of an error. Only `toCause` makes one. A message must
 * not become one, because JavaScript's own JSON errors quote the text that they could not read.
 */
export type Cause = string & { readonly [isCause]: true }

/** `ECONNREFUSED`, and Bun's `ConnectionRefused`. */
const code = /^[A-Z]\w{1,40}$/

/** The name of the class that a stack begins with. Node puts a code behind some names. */
const className = /^[\w$]+(?: \[\w+\])?/

/**
 * A line of the stack. The name of its function may hold any text, but its place in the source may
 * not.
 */
const frame = /^ +at (?:.* \()?([^\s()]+:\d+:\d+)\)?$/

/**
 * The code of a connection's error. Any other error gives its class and the places in our source.
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
 * The places of the stack behind the message, because the message may have lines that look like
 * places. There are none if the stack does not begin with the message. Then the message was
 * changed, and nobody knows where the old one ends.
 */
function toPlaces({ stack, message }: Error): string[] {
  if (typeof stack !== 'string') return []
  const [name] = className.exec(stack) ?? []
  const head = message === '' ? `${name}\n` : `${name}: ${message}\n`
  if (!stack.startsWith(head)) return []
  const frames = stack.slice(head.length).split('\n')
  return frames.flatMap((line) => frame.exec(line)?.[1] ?? [])
}
