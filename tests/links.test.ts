import { existsSync } from 'node:fs'
import { posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { readPage, readTexts } from './citations.ts'

const root = fileURLToPath(new URL('../', import.meta.url))
// The sample of the Markdown renderer is not a page of the documentation.
const texts = readTexts().filter(({ file }) => file !== 'tests/page/markdown/sample.md')
const pages = texts.filter(({ file }) => file.endsWith('.md')).map(({ file, text }) => ({ file, text: toProse(text) }))
const sources = texts.filter(({ file }) => !file.endsWith('.md'))

/** Removes blocks of code, because comments in them look like headings. */
function toProse(markdown: string): string {
  return markdown.replaceAll(/^```[\s\S]*?^```$/gm, '')
}

/**
 * The anchors of a page: the explicit anchors, and the anchors that GitHub derives from the
 * headings.
 */
function toAnchors(prose: string): string[] {
  const ids = [...prose.matchAll(/<a id="([^"]+)">/g)].map(([, id = '']) => id)
  const headings = [...prose.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_\- ]/gu, '')
      .replaceAll(' ', '-'),
  )
  return [...ids, ...headings]
}

/** Whether the file of a link exists, and contains the anchor of the link. */
function isThere(link: string): boolean {
  const [path = '', anchor] = link.split('#')
  if (!existsSync(root + path)) return false
  return anchor === undefined || toAnchors(toProse(readPage(path))).includes(anchor)
}

/** Expects that there are many links, and that each leads to an existing file and anchor. */
function expectThere(links: readonly { file: string; link: string }[]) {
  expect(links.length).toBeGreaterThan(200)
  expect(
    links.filter(({ link }) => !isThere(link)),
    'correct the link, or give its place an anchor',
  ).toEqual([])
}

test('every link of a page leads to an existing file and anchor', () => {
  const links = pages.flatMap(({ file, text }) =>
    [...text.matchAll(/\]\((?!\w+:)([^)\s]+)\)/g)].map(([, target = '']) => ({
      file,
      link: target.startsWith('#') ? file + target : posix.join(posix.dirname(file), target),
    })),
  )
  expectThere(links)
})

test('every image of a page that HTML shows exists', () => {
  const images = pages.flatMap(({ file, text }) =>
    [...text.matchAll(/\b(?:src|srcset)="(?!\w+:)([^"]+)"/g)].map(([, target = '']) => ({
      file,
      link: posix.join(posix.dirname(file), target),
    })),
  )
  expect(images.length).toBeGreaterThanOrEqual(4)
  expect(images.filter(({ link }) => !isThere(link))).toEqual([])
})

test('docs/README.md lists every page of docs, with one line each', () => {
  const index = readPage('docs/README.md')
  const listed = [...index.matchAll(/^\| \[([\w-]+\.md)\]\(\1\) \| \S/gm)].map(([, name = '']) => `docs/${name}`)
  const all = pages.map(({ file }) => file).filter((file) => /^docs\/[^/]+\.md$/.test(file) && file !== 'docs/README.md')
  expect(listed.toSorted()).toEqual(all.toSorted())
})

test('every link from the source to a page leads to an existing anchor', () => {
  const links = sources.flatMap(({ file, text }) =>
    [...text.matchAll(/(?:docs|packages)\/[\w/-]+\.md#[\w-]*/g)].map(([link]) => ({ file, link })),
  )
  expectThere(links)
})

test('a page names a hazard, a fault and a section of a page with a link', () => {
  const named = pages.flatMap(({ file, text }) => {
    // Skips the tables that list the test of each rule. Test titles contain numbers without links.
    const plain = text.replaceAll(/^\| (?:\[|<a id=).*$/gm, '').replaceAll(/\[[^\]]*\]\([^)]*\)|<a id=.*?>/g, '')
    return [...plain.matchAll(/\bhazards? \d+|(?<!#)\bF\d{1,2}\b|(?<!RFC \d+ )§\d+/gi)].map(([name]) => ({ file, name }))
  })
  expect(named, 'make it a link, such as [hazard 31](docs/hazards.md#31)').toEqual([])
})

test('a comment names a hazard, a fault and a section of a page with a link', () => {
  const named = sources.flatMap(({ file, text }) => {
    // Joins the lines of a comment, because a name may be split between two lines.
    const joined = text.replaceAll(/(?<=^ *(?:\/?\*|\/\/|#).*)\n *(?:\*|\/\/|#) /gm, ' ')
    const comments = joined.match(/(?<=^|\s)(?:\/\*\*?|\/\/|#) .*$/gm) ?? []
    const names = comments.flatMap(
      (comment) => comment.match(/\bhazards?,? \d+|(?<!#)\bF\d{1,2}\b|(?:protocol|\.md),? §\d+/gi) ?? [],
    )
    return names.map((name) => ({ file, name }))
  })
  expect(named, 'make it a link, such as docs/hazards.md#31, docs/faults.md#F26 or docs/protocol.md#4-errors').toEqual([])
})
