import { decodeEntities } from './entities.ts'

/**
 * Control characters, invisible characters, and characters that reverse the direction of the text.
 * They can make an address look like another one.
 */
// oxlint-disable-next-line no-control-regex
const hidden = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufff9-\ufffc]/

/**
 * Returns the address of a link that a model wrote, or `undefined` if the address is not safe. A
 * safe address is absolute, begins with http, https or mailto, and has no hidden characters.
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
 * Returns the host of a misleading link, so that the page shows it beside the link's text. A link
 * is misleading if its address has a user name, which hides the host, or if its text names another
 * host. Returns `undefined` for any other link.
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
