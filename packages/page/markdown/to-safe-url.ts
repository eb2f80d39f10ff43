import { decodeEntities } from './entities.ts'

/**
 * Control characters, invisible characters, and characters that reverse the direction of the text.
 * They can make an address look like another one.
 */
// oxlint-disable-next-line no-control-regex
const hidden = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufff9-\ufffc]/

/**
 * Returns the address of a model's link if it is safe: absolute, http, https or mailto, and without
 * hidden characters. Returns `undefined` if it is not.
 */
export function toSafeUrl(href: string): URL | undefined {
  const text = decodeEntities(href).trim()
  if (hidden.test(text) || !/^(?:https?:\/\/|mailto:)/i.test(text)) return undefined
  const url = toUrl(text)
  return url && /^(?:https?|mailto):$/.test(url.protocol) ? url : undefined
}

function toUrl(text: string): URL | undefined {
  try {
    return new URL(text)
  } catch {
    return undefined
  }
}

/**
 * Returns the host to show beside a link's text, if the link could mislead: the address has a user
 * name, which hides the host, or the text names another host.
 */
export function toHonestHost(url: URL, text: string): string | undefined {
  if (url.host === '') return undefined
  if (url.username !== '' || url.password !== '') return url.host
  const named = /(?:^|[\s(<])(?:https?:\/\/)?((?:[\p{L}\p{N}-]+\.)+\p{L}{2,})(?=$|[\s/:?#)>])/iu.exec(text)?.[1]
  if (named === undefined) return undefined
  const [a, b] = [named.toLowerCase().replace(/^www\./, ''), url.hostname.replace(/^www\./, '')]
  return a === b || /\.(?:js|ts|py|md|json|html|css|rs|go|txt|sh|ya?ml|toml)$/.test(a) || toUrl(`http://${a}`)?.hostname === b
    ? undefined
    : url.host
}
