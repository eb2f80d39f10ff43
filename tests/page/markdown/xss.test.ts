import { afterAll, beforeAll, expect, test } from 'vitest'
import { createRandom } from '../../random.ts'
import { openMarkdownPage, type MarkdownPage, type PageGlobals } from './markdown-page.ts'
import { xss } from './xss.ts'

let opened: MarkdownPage
beforeAll(async () => {
  opened = await openMarkdownPage()
}, 60_000)
afterAll(() => opened?.close())

/** The tags and attributes that a model's text may ever have in the page. */
const allowed = {
  tags: 'A BLOCKQUOTE BR CODE DEL DIV EM H3 H4 H5 H6 HR INPUT LI OL P PRE SPAN STRONG TABLE TBODY TD TH THEAD TR UL'.split(' '),
  attributes:
    'A.class A.href A.rel A.target A.title DIV.aria-label DIV.class DIV.role DIV.tabindex H3.class H4.class H5.class H6.class INPUT.aria-label INPUT.checked INPUT.disabled INPUT.type LI.class OL.class OL.start PRE.tabindex SPAN.class TD.class TH.class UL.class'.split(
      ' ',
    ),
}

/**
 * Shows each text, cut at its offsets, and checks the page after each piece. Returns everything
 * that is forbidden.
 */
function findForbidden(cases: readonly (readonly [string, readonly number[]])[]): Promise<string[]> {
  return opened.page.evaluate(
    async ([cases, { tags, attributes }]) => {
      const { create, idle } = window as unknown as PageGlobals
      const found: string[] = []
      const look = (root: HTMLElement, text: string) => {
        for (const element of root.querySelectorAll('*')) {
          if (!tags.includes(element.tagName)) found.push(`<${element.tagName}> of ${text}`)
          for (const { name, value } of element.attributes) {
            if (!attributes.includes(`${element.tagName}.${name}`)) found.push(`${element.tagName}.${name} of ${text}`)
            if (name === 'href' && !/^(?:https?:\/\/[^/]|mailto:)/.test(value)) found.push(`href=${value} of ${text}`)
            if (name === 'class' && !/^[\w -]*$/.test(value)) found.push(`class=${value} of ${text}`)
          }
          if (
            element.tagName === 'A' &&
            (element.getAttribute('rel') !== 'noopener noreferrer nofollow' || element.getAttribute('target') !== '_blank')
          )
            found.push(`rel of ${text}`)
        }
      }
      const roots: HTMLElement[] = []
      for (const [text, cuts] of cases) {
        const { root, markdown } = create()
        roots.push(root)
        for (const at of cuts) {
          markdown.update(text.slice(0, at), false)
          look(root, text)
        }
        markdown.update(text, true)
        look(root, text)
      }
      await idle()
      for (const [index, root] of roots.entries()) look(root, cases[index]![0])
      // After this pause, anything that can load or run has done so.
      await new Promise((resolve) => setTimeout(resolve, 50))
      if ('__xss' in window) found.push('something ran')
      for (const root of roots) root.remove()
      return found
    },
    [cases, allowed] as const,
  )
}

test('there are more than 150 XSS attacks, each once', () => {
  expect(new Set(xss).size).toBe(xss.length)
  expect(xss.length).toBeGreaterThan(150)
})

test('no XSS attack of a model runs or loads anything, whole or split anywhere', async () => {
  const random = createRandom(7)
  const split = (text: string) => Array.from({ length: 1 + random(6) }, () => random(text.length + 1)).toSorted((a, b) => a - b)
  expect(await findForbidden(xss.map((text) => [text, []]))).toEqual([])
  expect(await findForbidden(xss.map((text) => [text, split(text)]))).toEqual([])
  expect(await findForbidden(xss.map((text) => [text, Array.from(text, (_, index) => index)]))).toEqual([])
  // Tries the attacks inside other Markdown, and then all attacks in one text.
  const inside = xss.flatMap((text) => [`- a\n- ${text}`, `> ${text}`, `| a |\n|---|\n| ${text} |`, `**a ${text} b**`])
  expect(await findForbidden(inside.map((text) => [text, split(text)]))).toEqual([])
  const all = xss.join('\n\n')
  expect(
    await findForbidden([
      [all, split(all)],
      [xss.join(' '), []],
      [xss.join(''), split(all)],
    ]),
  ).toEqual([])
  expect(opened.requests).toEqual([])
  expect(opened.problems).toEqual([])
  expect(opened.page.url()).toBe(opened.url)
})
