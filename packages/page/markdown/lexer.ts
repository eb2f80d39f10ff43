import { Lexer, Tokenizer, type Hooks, type Links, type Token, type Tokens } from 'marked'
import { isBesideCjk, toCjkMask } from './cjk.ts'

/**
 * The maximum depth of lists and quotes. Each level costs a call of the lexer and an element, so
 * deeper levels are shown as text.
 */
const maxDepth = 16
/**
 * A quote longer than this is split into several quotes, because the work of `marked` grows with
 * the square of the length of a quote.
 */
const quoteLength = 8192

/**
 * The tokenizer of `marked`, changed for chats. HTML is text, emphasis works in Chinese, Japanese
 * and Korean, a single `~` is a tilde, and the depth is limited.
 */
class ChatTokenizer extends Tokenizer {
  #depth = 0

  override html(): undefined {}

  override tag(src: string): Tokens.Tag | undefined {
    const tag = /^<br[ \t]*\/?>/i.exec(src)?.[0]
    // `marked` uses the type `br` for a line break in Markdown's own syntax. Here an HTML `<br>`
    // becomes the same token.
    return tag === undefined ? undefined : ({ type: 'br', raw: tag } as unknown as Tokens.Tag)
  }

  override list(src: string): Tokens.List | undefined {
    return this.#deeper(() => super.list(src))
  }

  override blockquote(src: string): Tokens.Blockquote | undefined {
    // If `lastToken` is a text, `marked` reads most lists as a part of that text. At the start of a
    // quote, `lastToken` is still the token before the quote. If it were not deleted, `marked`
    // would throw for a quote in a list item, and a list in a quote would continue on lines without
    // a `>`.
    if (/^ {0,3}>/.test(src)) delete this.lexer.state.lastToken
    const end = src.indexOf('\n', quoteLength)
    return this.#deeper(() => super.blockquote(end === -1 ? src : src.slice(0, end + 1)))
  }

  override emStrong(src: string, maskedSrc: string, prevChar = ''): Tokens.Em | Tokens.Strong | undefined {
    const isHelped = src.startsWith('*') && prevChar !== '*' && isBesideCjk(src, maskedSrc, prevChar)
    return super.emStrong(src, maskedSrc, isHelped ? '' : prevChar)
  }

  override del(src: string, maskedSrc: string, prevChar?: string): Tokens.Del | undefined {
    return src.startsWith('~~') ? super.del(src, maskedSrc, prevChar) : undefined
  }

  #deeper<T>(tokenize: () => T): T | undefined {
    if (this.#depth >= maxDepth) return undefined
    this.#depth += 1
    try {
      return tokenize()
    } finally {
      this.#depth -= 1
    }
  }
}

/**
 * The only hook that a lexer calls. marked's own `Hooks` class is not used, because it would also
 * load the parser.
 */
const hooks = { emStrongMask: toCjkMask } as unknown as Hooks

/**
 * Returns the blocks of a text, without their inline tokens. Every line must end with `\n`, not
 * with `\r\n`. The references that the text defines are added to `links`.
 */
export function lexBlocks(text: string, links: Links = {}): Token[] {
  const lexer = createLexer(links)
  return [...lexer.blockTokens(text, lexer.tokens)]
}

export function lexInline(text: string, links: Links): Token[] {
  return createLexer(links).inlineTokens(text)
}

function createLexer(links: Links): Lexer {
  const lexer = new Lexer({ gfm: true, tokenizer: new ChatTokenizer(), hooks })
  lexer.tokens.links = links
  return lexer
}
