/**
 * Parses the path below which the app is mounted, such as `/ai`. Returns it as URLs have it:
 * encoded, with one slash before each part, and none at the end. The result is '' if the text has
 * no part. Returns undefined if no request can have the path, or if it has a sign with a meaning in
 * a URL.
 */
export function parseBase(text: string): string | undefined {
  try {
    const path = decodeURI(text)
      .replace(/\/+/g, '/')
      .replace(/^(?!\/)/, '/')
      .replace(/\/$/, '')
    // A request cannot have the parts `.` and `..`. The page has the path in an attribute of HTML.
    return /[\s\p{Cc}%?#&*"'<>\\]|:\/|\/\.{1,2}(?:\/|$)/u.test(path) ? undefined : encodeURI(path)
  } catch {
    return undefined // a percent sign does not stand for a character, or a surrogate is alone
  }
}
