import * as fc from 'fast-check'
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openMarkdownPage, type MarkdownPage, type PageGlobals } from './markdown-page.ts'

let opened: MarkdownPage
beforeAll(async () => {
  opened = await openMarkdownPage()
}, 60_000)
afterAll(() => opened?.close())

/** Returns the HTML of a text that arrives in pieces cut at `cuts`, or else in one piece. */
function show(text: string, cuts: readonly number[] = []): Promise<string> {
  return opened.page.evaluate(([text, cuts]) => (window as unknown as PageGlobals).show(text, cuts), [text, cuts] as const)
}

/** Returns the HTML while more text may come. */
function showOpen(text: string, cuts: readonly number[] = []): Promise<string> {
  return opened.page.evaluate(
    ([text, cuts]) => {
      const { root, markdown } = (window as unknown as PageGlobals).create()
      for (const at of cuts) markdown.update(text.slice(0, at), false)
      markdown.update(text, false)
      root.normalize()
      const { innerHTML } = root
      root.remove()
      return innerHTML
    },
    [text, cuts] as const,
  )
}

const everyCut = (text: string) => Array.from(text, (_, index) => index)

describe('what is shown', () => {
  test.each([
    ['a heading, two levels lower', '# A\n\n###### B', '<h3 class="heading-1">A</h3><h6 class="heading-6">B</h6>'],
    ['emphasis', '**a** *b* ~~c~~ `d`', '<p><strong>a</strong> <em>b</em> <del>c</del> <code>d</code></p>'],
    ['a name with underscores', 'snake_case_name', '<p>snake_case_name</p>'],
    ['a range with a tilde', '20~25 and 30~35', '<p>20~25 and 30~35</p>'],
    ['mathematics as it is written', '$x_1 + x_2$', '<p>$x_1 + x_2$</p>'],
    ['HTML as text', '<b>x</b> <!-- y -->', '<p>&lt;b&gt;x&lt;/b&gt; &lt;!-- y --&gt;</p>'],
    ['a block of HTML as text', '<div>\n*x*\n</div>', '<p>&lt;div&gt;\n<em>x</em>\n&lt;/div&gt;</p>'],
    ['entities as characters, but not in code', '&lt;a&gt; &#20013; `&lt;`', '<p>&lt;a&gt; 中 <code>&amp;lt;</code></p>'],
    ['a list, with its start', '3. a\n4. b', '<ol start="3"><li><p>a</p></li><li><p>b</p></li></ol>'],
    ['a loose list', '- a\n\n- b', '<ul class="loose"><li><p>a</p></li><li><p>b</p></li></ul>'],
    [
      'a task',
      '- [x] a **b**',
      '<ul><li class="task"><input type="checkbox" disabled="" checked="" aria-label="a **b**"><p>a <strong>b</strong></p></li></ul>',
    ],
    ['a quote in a list', '- a\n\n  > b', '<ul class="loose"><li><p>a</p><blockquote><p>b</p></blockquote></li></ul>'],
    [
      'a list in a quote in an item that goes on without the sign of the quote',
      '- a\n  > 2. b\nc',
      '<ul><li><p>a</p><blockquote><ol start="2"><li><p>b\nc</p></li></ol></blockquote></li></ul>',
    ],
    ['a rule', '---', '<hr>'],
    ['a link with a forbidden address as text', '[a](javascript:alert(1)) [b](/c)', '<p><span>a</span> <span>b</span></p>'],
    ['a link whose host is hidden', '[a](https://google.com@evil.com)', expect.stringContaining('>a (evil.com)</a>')],
    [
      'a link that names another host',
      '[google.com](https://evil.com/)',
      expect.stringContaining('>google.com (evil.com)</a>'),
    ],
    [
      'an image as a link',
      '![cat](https://a.com/b.png)',
      '<p><a href="https://a.com/b.png" title="https://a.com/b.png" rel="noopener noreferrer nofollow" target="_blank" class="image">Image: cat (a.com)</a></p>',
    ],
    ['an image that cannot be a link', '![cat](data:image/png;base64,AA)', '<p><span class="image">Image: cat</span></p>'],
    ['a line break in a table', '|a|\n|:-:|\n|b<br>c|', expect.stringContaining('<td class="align-center">b<br>c</td>')],
    [
      'code with colours',
      '```js\nlet a\n```',
      expect.stringContaining('<code><div><span class="tok-kwd">let</span> a</div></code>'),
    ],
    [
      'code of a language that nobody knows',
      '```constructor\n<a>\n```',
      expect.stringContaining('<code><div>&lt;a&gt;</div></code>'),
    ],
  ])('is %s', async (_name, text, html) => {
    expect(await show(text)).toEqual(html)
  })

  test.each([
    ['**中文。**后', '<strong>中文。</strong>后'],
    ['这是**重点（重要）**内容', '这是<strong>重点（重要）</strong>内容'],
    ['**“引用”**的', '<strong>“引用”</strong>的'],
    ['他说**“引用”**的，**A**：**B**。', '他说<strong>“引用”</strong>的，<strong>A</strong>：<strong>B</strong>。'],
    ['これは**「強調」**です', 'これは<strong>「強調」</strong>です'],
    ['**“한국어”**는 *(가)*나', '<strong>“한국어”</strong>는 <em>(가)</em>나'],
    ['**JSON(RFC)**形式', '<strong>JSON(RFC)</strong>形式'],
    ['𠮷**“a”**𠮷', '𠮷<strong>“a”</strong>𠮷'],
    ['a**"b"**c', 'a**"b"**c'],
  ])('is strong where Chinese, Japanese and Korean have no spaces: %s', async (text, html) => {
    expect(await show(text)).toBe(`<p>${html}</p>`)
  })

  test('has a limit to its depth', async () => {
    for (const text of ['>'.repeat(10_000), '- '.repeat(10_000) + 'a', '[a'.repeat(10_000), '**a '.repeat(5000)])
      expect(await show(text, [text.length - 1])).toContain('<')
  })
})

/** Building blocks of Markdown. */
const words = [
  'a',
  'word ',
  ' ',
  '\n',
  '\n',
  '\n\n',
  '- ',
  '* ',
  '1. ',
  '2) ',
  '  ',
  '    ',
  '> ',
  '#',
  '# ',
  '---',
  '===',
  '```',
  '```js\n',
  '~~~',
  '|',
  '|-|-|\n',
  '| a | b |\n',
  '**',
  '*',
  '_',
  '`',
  '~~',
  '[',
  ']',
  '(',
  ')',
  '[r]',
  '[r]: http://b.c\n',
  '<br>',
  '<div>',
  '&lt;',
  '\\',
  '中',
  '。',
  '“',
  '[ ] ',
  '\t',
  '\r\n',
  'http://a.b',
  'x = 1;\n',
  '!',
  '"t"\n',
]

describe('while it streams', () => {
  test.each([
    ['bold without its end', 'a **b', '<p>a <strong>b</strong></p>'],
    ['marks that have begun nothing', 'a **', '<p>a</p>'],
    ['code without its end', 'a `b', '<p>a <code>b</code></p>'],
    ['the text of half a link', 'a [b](https://c', '<p>a b</p>'],
    ['half an image by its words', '![b](https://c', '<p><span class="image">Image: b</span></p>'],
    ['nothing of what may become an item or an underline', 'a\n-', '<p>a</p>'],
    ['nothing of what may become a heading', '#', ''],
    ['nothing of what may become a number', 'a\n\n1.', '<p>a</p>'],
    ['nothing of a fence before its language is whole', '```py', ''],
    ['no end of a fence', '```\na\n``', expect.stringContaining('<div>a</div>')],
    ['signs in code at once', '```\na\n- ', expect.stringContaining('<div>a\n- </div>')],
    ['a table from its first row on', '| a | b', expect.stringContaining('<th>a</th><th>b</th>')],
    ['a table while its second row comes', '| a | b |\n|--', expect.stringContaining('<th>a</th><th>b</th>')],
    ['a row that is half there', '|a|b|\n|-|-|\n| **c', expect.stringContaining('<td><strong>c</strong></td><td></td>')],
    ['nothing of half a checkbox', '- a\n- [', '<ul><li><p>a</p></li></ul>'],
  ])('shows %s', async (_name, text, html) => {
    expect(await showOpen(text, everyCut(text))).toEqual(html)
  })

  test('a text that does not continue the one before replaces it', async () => {
    const html = await opened.page.evaluate(() => {
      const { root, markdown } = (window as unknown as PageGlobals).create()
      markdown.update('# One\n\n- a\n- b\n- c', false)
      markdown.update('Two', true)
      return root.innerHTML
    })
    expect(html).toBe('<p>Two</p>')
  })

  test('a closed block is never changed again, and the end is the same as for the whole text at once', async () => {
    const text = await sample()
    const { changes, html } = await opened.page.evaluate(async (text) => {
      const { create, idle } = window as unknown as PageGlobals
      const { root, markdown } = create()
      const changes: string[] = []
      /** The index of the last block with content. It and the blocks after it may still change. */
      let open = 0
      const observer = new MutationObserver((records) => {
        for (const { target } of records) {
          let node: Node | null = target
          // Colours come later and do not change the words.
          if (target.parentElement?.closest('pre') || target.nodeName === 'PRE') continue
          while (node && node.parentNode !== root) node = node.parentNode
          const index = node ? [...root.childNodes].indexOf(node as ChildNode) : -1
          if (index !== -1 && index < open) changes.push(`${index} of ${open}: ${target.nodeName}`)
        }
      })
      observer.observe(root, {
        subtree: true,
        childList: true,
        characterData: true,
        attributes: true,
        attributeFilter: ['class', 'href', 'start'],
      })
      for (let at = 0; at <= text.length; at += 3) {
        markdown.update(text.slice(0, at), false)
        // Lets the observer run with the old `open`, because the new text may end the second last
        // block.
        await Promise.resolve()
        open = root.childNodes.length - 2
      }
      markdown.update(text, true)
      await idle()
      root.normalize()
      return { changes, html: root.innerHTML }
    }, text)
    expect(changes).toEqual([])
    expect(html).toBe(await show(text))
  })

  test('items of a list that are closed keep their nodes', async () => {
    const isSame = await opened.page.evaluate(() => {
      const { create } = window as unknown as PageGlobals
      const { root, markdown } = create()
      const text = Array.from({ length: 30 }, (_, index) => `- item **${index}**\n`).join('')
      const first = new Map<number, Node[]>()
      for (let at = 0; at <= text.length; at += 1) {
        markdown.update(text.slice(0, at), false)
        const items = [...root.querySelectorAll('li')]
        items.slice(0, -2).forEach((item, index) => first.has(index) || first.set(index, [item, ...item.querySelectorAll('*')]))
      }
      markdown.update(text, true)
      return [...root.querySelectorAll('li')]
        .slice(0, -2)
        .every((item, index) => [item, ...item.querySelectorAll('*')].every((node, at) => node === first.get(index)![at]))
    })
    expect(isSame).toBe(true)
  })

  test('equal items of a list are all shown', async () => {
    const item = '- a\n'
    // When the first item is settled, two items remain. Their text equals the text of the whole
    // list before the update.
    expect(await showOpen(item.repeat(3), [item.length * 2])).toBe(`<ul>${'<li><p>a</p></li>'.repeat(3)}</ul>`)
  })

  test('a line that begins like a fence but continues the paragraph is no block of its own', async () => {
    const text = `a\n\`\`\`${'b'.repeat(200)}\`c\nd\ne`
    expect(await showOpen(text, [150, 205, 208])).toBe(await showOpen(text))
  })

  test('a reference that is defined at the end becomes a link where it was used', async () => {
    const text = 'See [docs].\n\n- [docs] **[docs]**\n\n[docs]: https://a.com/\n'
    const html = await show(text, everyCut(text))
    expect(html.match(/href="https:\/\/a.com\/"/g)).toHaveLength(3)
  })

  test('any text gives the same end result however it is cut', async () => {
    const text = fc.array(fc.constantFrom(...words), { maxLength: 60 }).map((words) => words.join(''))
    const cuts = fc.array(fc.nat(150), { maxLength: 40 }).map((cuts) => cuts.toSorted((a, b) => a - b))
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(text, fc.oneof(cuts, fc.constant(undefined))), { minLength: 8, maxLength: 8 }),
        async (cases) => {
          const found = await opened.page.evaluate(async (cases) => {
            const { show } = window as unknown as PageGlobals
            return Promise.all(
              cases.map(async ([text, cuts]) => ({
                text,
                once: await show(text),
                streamed: await show(text, cuts ?? Array.from(text, (_, index) => index)),
              })),
            )
          }, cases)
          for (const { text, once, streamed } of found) expect({ text, html: streamed }).toEqual({ text, html: once })
        },
      ),
      { numRuns: 25 },
    )
  })

  test('settled blocks change nothing: any text looks the same however it is cut, before its end as well', async () => {
    // Definitions are left out, because a definition may change the text above it until the end.
    const settling = words.filter((word) => !word.includes('[') && !word.includes('"'))
    const text = fc
      .array(fc.constantFrom(...settling, '- a\n', '1. b\n', '| c |\n'), { maxLength: 50 })
      .map((words) => words.join(''))
    await fc.assert(
      fc.asyncProperty(fc.array(text, { minLength: 20, maxLength: 20 }), async (texts) => {
        const found = await opened.page.evaluate((texts) => {
          const { create } = window as unknown as PageGlobals
          const html = (text: string, step: number) => {
            const { root, markdown } = create()
            for (let at = step; at < text.length; at += step) markdown.update(text.slice(0, at), false)
            markdown.update(text, false)
            root.normalize()
            root.remove()
            return root.innerHTML
          }
          return texts.map((text) => ({
            text,
            once: html(text, text.length + 1),
            streamed: html(text, 1),
            fast: html(text, 7),
          }))
        }, texts)
        for (const { text, once, streamed, fast } of found)
          expect({ text, streamed, fast }).toEqual({ text, streamed: once, fast: once })
      }),
      { numRuns: 15 },
    )
  })

  test('long paragraphs, quotes and code give the same end result however they are cut', async () => {
    const line = 'A **bold** word, `code`, [a link](https://a.com/) and so on. '
    for (const text of [
      line.repeat(150),
      `${line}\n`.repeat(150),
      `> ${line}\n`.repeat(200),
      `\`\`\`js\n${'let a = 1 // b\nif (a) {}\n\n'.repeat(200)}\`\`\`\n`,
      '中文，'.repeat(3000),
      '*'.repeat(5000),
    ]) {
      const cuts = Array.from({ length: 200 }, (_, index) => Math.floor((index * text.length) / 200))
      expect(await show(text, cuts)).toBe(await show(text))
    }
  })
})

/** Reads a text with every kind of Markdown. */
function sample(): Promise<string> {
  return readFile(new URL('sample.md', import.meta.url), 'utf8')
}
