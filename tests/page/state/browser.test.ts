import { build } from 'esbuild'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { toImage } from '#page/state/images.ts'
import type { PageState } from '#page/state/page-state.ts'
import { launchChromium } from '../../browser/chromium.ts'
import { startServer } from '../../runtimes/server.ts'
import type { Server } from '../../runtimes/server.ts'

/** The globals that the script below defines in the page. */
declare const state: PageState
declare const toPicture: typeof toImage
/**
 * Makes a picture with a red left half and a blue right half. With `isClear`, it paints nothing, so
 * the whole picture is transparent.
 */
declare function paint(width: number, height: number, type: string, isClear?: boolean): Promise<Blob>
/** Returns the width, the height, the type, and the colour of a pixel near the left side. */
declare function look(base64: string | undefined): Promise<[number, number, string, number[]]>

const entry = `
import { createPageState } from '#page/state/create-page-state.ts'
import { toImage } from '#page/state/images.ts'
const paint = async (width, height, type, isClear) => {
  const canvas = new OffscreenCanvas(width, height)
  const context = canvas.getContext('2d')
  if (!isClear) {
    context.fillStyle = '#00f'
    context.fillRect(0, 0, width, height)
    context.fillStyle = '#f00'
    context.fillRect(0, 0, width / 2, height)
  }
  return canvas.convertToBlob({ type, quality: 1 })
}
const look = async (base64) => {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))
  const type = bytes[0] === 0xff ? 'jpeg' : 'png'
  const bitmap = await createImageBitmap(new Blob([bytes]))
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d')
  context.drawImage(bitmap, 0, 0)
  return [bitmap.width, bitmap.height, type, [...context.getImageData(2, bitmap.height - 3, 1, 1).data].map((value) => Math.round(value / 64) * 64)]
}
Object.assign(globalThis, { state: createPageState(), toPicture: toImage, paint, look })
`

let browser: Browser
let sluice: Server
let page: Page
let script: string

beforeAll(async () => {
  const resolveDir = fileURLToPath(new URL('../../../packages/page/state/', import.meta.url))
  const built = build({ stdin: { contents: entry, resolveDir }, bundle: true, write: false, format: 'iife' })
  const [{ outputFiles }, started, launched] = await Promise.all([
    built,
    startServer('node', { SLUICE_DEMO: '1', SLUICE_LOG: 'silent' }),
    launchChromium(),
  ])
  script = outputFiles[0]!.text
  sluice = started
  browser = launched
  // The test opens `/ping` instead of the chat page, because it needs only the state and the
  // origin.
  page = await (await browser.newContext({ bypassCSP: true })).newPage()
  await page.goto(`${sluice.url}/ping`)
  await page.evaluate(script)
}, 60_000)
afterAll(async () => {
  await browser?.close()
  await sluice?.stop()
})

const answer = () => page.evaluate(() => state.thread.value.at(-1)?.message)

test('an answer is written, goes on after a reload in the middle, is stopped, and is continued', async () => {
  await page.waitForFunction(() => state.server.value.kind === 'ready' && state.model.value?.capabilities)
  expect(await page.evaluate(() => state.server.value)).toMatchObject({ kind: 'ready', isDemo: true })
  await page.evaluate(() => state.send('Tell me about streams', []))
  await page.waitForFunction(() => (state.run.value?.text.value.length ?? 0) > 20)
  const before = await page.evaluate(() => state.run.value!.text.value)
  await page.reload()
  await page.evaluate(script)
  await page.waitForFunction((length) => (state.run.value?.text.value.length ?? 0) > length, before.length)
  await page.evaluate(() => state.stop())
  await page.waitForFunction(() => !state.run.value)
  const partial = await answer()
  expect(partial).toMatchObject({ end: { how: 'stopped', isFreed: true } })
  expect(partial?.text.startsWith(before)).toBe(true)

  await page.evaluate(() => state.resume(state.thread.value[1]!.message.id))
  await page.waitForFunction(
    () => state.run.value && state.run.value.text.value.length > state.thread.value[1]!.message.text.length,
  )
  await page.evaluate(() => state.stop())
  await page.waitForFunction(() => !state.run.value)
  const stopped = await answer()
  expect(stopped).toMatchObject({ id: partial?.id, end: { how: 'stopped', isFreed: true } })
  expect(stopped?.text.startsWith(partial!.text)).toBe(true)
})

test('Back returns to the chat before', async () => {
  const id = await page.evaluate(() => state.chat.value.id)
  await page.evaluate(() => state.create())
  expect(await page.evaluate(() => [state.thread.value.length, location.hash])).toEqual([0, ''])
  await page.goBack()
  await page.waitForFunction((id) => state.chat.value.id === id && location.hash.endsWith(id), id)
})

test.each([
  ['a photo is made smaller', 4032, 3024, 'image/jpeg', [1344, 1008, 'jpeg', [256, 0, 0, 256]]],
  ['a small drawing stays as it is', 40, 30, 'image/png', [40, 30, 'png', [256, 0, 0, 256]]],
  ['a thin strip stays visible', 5000, 10, 'image/png', [1344, 3, 'png', [256, 0, 0, 256]]],
  ['a WebP image becomes a PNG', 40, 30, 'image/webp', [40, 30, 'png', [256, 0, 0, 256]]],
])('%s', async (_, width, height, type, expected) => {
  const found = await page.evaluate(async ([width, height, type]) => look(await toPicture(await paint(width, height, type))), [
    width,
    height,
    type,
  ] as const)
  expect(found).toEqual(expected)
})

test('transparent pixels become white, not black', async () => {
  expect(await page.evaluate(async () => look(await toPicture(await paint(8, 8, 'image/png', true))))).toEqual([
    8,
    8,
    'png',
    [256, 256, 256, 256],
  ])
})

test('a photo is turned upright by its EXIF orientation', async () => {
  const found = await page.evaluate(async () => {
    const jpeg = new Uint8Array(await (await paint(80, 40, 'image/jpeg')).arrayBuffer())
    // EXIF with an orientation of 8: a quarter turn to the left, after which the picture's left
    // side is at the bottom.
    const tiff = [0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 8, 0, 0, 0, 0, 0, 0]
    const exif = [0x45, 0x78, 0x69, 0x66, 0, 0, ...tiff]
    const photo = new Blob([jpeg.slice(0, 2), new Uint8Array([0xff, 0xe1, 0, exif.length + 2, ...exif]), jpeg.slice(2)], {
      type: 'image/jpeg',
    })
    return look(await toPicture(photo))
  })
  expect(found).toEqual([40, 80, 'jpeg', [256, 0, 0, 256]])
})

test('a file that is no picture, or too large, gives no picture', async () => {
  const found = await page.evaluate(async () => {
    const svg = new Blob(['<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'], { type: 'image/svg+xml' })
    const large = new Blob([new Uint8Array(20 * 1024 * 1024 + 1)], { type: 'image/png' })
    const files = [new Blob(['x'], { type: 'text/plain' }), svg, new Blob(['broken'], { type: 'image/png' }), large]
    return Promise.all(files.map((file) => toPicture(file)))
  })
  expect(found).toEqual([undefined, undefined, undefined, undefined])
})
