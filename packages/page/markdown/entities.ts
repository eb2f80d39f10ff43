/** The entities that models write, each with its character at the end. Others stay as they are. */
const names = new Map(
  'amp& lt< gt> quot" apos\' nbsp\u00a0 ensp\u2002 emsp\u2003 thinsp\u2009 copy© reg® trade™ deg° plusmn± times× divide÷ middot· bull• hellip… ndash– mdash— lsquo‘ rsquo’ ldquo“ rdquo” laquo« raquo» sect§ para¶ euro€ pound£ yen¥ cent¢ larr← uarr↑ rarr→ darr↓ harr↔ rArr⇒ hArr⇔ le≤ ge≥ ne≠ asymp≈ infin∞ sum∑ radic√ piπ muμ alphaα betaβ check✓ lbrace{ rbrace} lbrack[ rbrack] vert| colon: Tab\t NewLine\n lpar( rpar) sol/'
    .split(' ')
    .map((name) => [name.slice(0, -1), name.slice(-1)]),
)

/** Decodes entities such as `&lt;`, `&#60;` and `&#x3c;` (CommonMark §2.5). */
export function decodeEntities(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(
    /&(?:#(\d{1,7})|#[xX]([\da-fA-F]{1,6})|([a-zA-Z]{1,8}));/g,
    (whole, decimal?: string, hex?: string, name?: string) => {
      if (name !== undefined) return names.get(name) ?? whole
      const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)
      return code === 0 || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? '\ufffd' : String.fromCodePoint(code)
    },
  )
}
