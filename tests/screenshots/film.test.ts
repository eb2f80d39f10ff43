import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { deflateSync, crc32 } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { toFilm } from './film.ts'
import { decodePng } from './png.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

describe.each(['README.md', 'README.zh-CN.md'])('the moving picture of %s', (page) => {
  const files = [...readFileSync(root + page, 'utf8').matchAll(/docs\/screenshots\/moving-\w+\.svg/g)].map(([file]) => file)

  test('is there for a light and for a dark page', () => {
    expect(files).toEqual(['docs/screenshots/moving-dark.svg', 'docs/screenshots/moving-light.svg'])
  })

  test.each(files)('%s has at most 300 kB, runs no script, loads nothing, and stands still for those who want that', (file) => {
    const svg = readFileSync(root + file, 'utf8')
    expect(svg.length).toBeLessThanOrEqual(300_000)
    expect(svg).not.toMatch(/<script|href="(?!data:image\/png;base64,)|\bon\w+=/)
    expect(svg).toContain('prefers-reduced-motion')
    expect(svg.match(/<image /g)!.length).toBeGreaterThan(20)
  })
})

/** A PNG as Chromium makes it: RGB, each row with the filter that predicts from the left. */
function toPng(rows: readonly (readonly number[])[]): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(rows[0]!.length, 0)
  header.writeUInt32BE(rows.length, 4)
  header.set([8, 2], 8)
  const bytes = rows.flatMap((row) => {
    const flat = row.flatMap((colour) => [colour >> 16, (colour >> 8) & 0xff, colour & 0xff])
    return [1, ...flat.map((byte, index) => (byte - (flat[index - 3] ?? 0)) & 0xff)]
  })
  const chunk = (type: string, body: Buffer) => {
    const typed = Buffer.concat([Buffer.from(type, 'latin1'), body])
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
    length.writeUInt32BE(body.length)
    sum.writeUInt32BE(crc32(typed))
    return Buffer.concat([length, typed, sum])
  }
  return Buffer.concat([Buffer.alloc(8), chunk('IHDR', header), chunk('IDAT', deflateSync(Buffer.from(bytes)))])
}

test('a film has the first frame, and of each later frame only what has changed', () => {
  const [white, red] = [0xff_ff_ff, 0xc0_00_00]
  const first = Array.from({ length: 12 }, () => Array.from({ length: 10 }, () => white))
  const second = first.map((row, y) => row.map((colour, x) => (x === 5 && y === 6 ? red : colour)))
  expect([...decodePng(toPng(second)).data]).toEqual(second.flat())
  const frames = [first, first, second].map((rows, index) => ({ png: toPng(rows), atMs: 100 * index }))
  const svg = toFilm(frames, { scale: 1, restMs: 800, title: 'A film', colours: 2 })
  const images = [...svg.matchAll(/<image x="(\d+)" y="(\d+)" width="(\d+)" height="(\d+)"/g)].map((match) =>
    match.slice(1).map(Number),
  )
  // The second is the pixel with three more on each side.
  expect(images).toEqual([
    [0, 0, 10, 12],
    [2, 3, 7, 7],
  ])
  // It appears after 200 of 1000 ms.
  expect(svg).toContain('@keyframes f2{0%{visibility:hidden}20.00%,to{visibility:visible}}#f2{animation-name:f2}')
})
