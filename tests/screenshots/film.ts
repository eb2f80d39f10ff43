import { decodePng, encodePng, type Pixels } from './png.ts'

/** A screenshot, and when it was taken. */
export interface Frame {
  readonly png: Buffer
  readonly atMs: number
}

export interface FilmOptions {
  /** How many pixels of a frame are one pixel of the SVG. */
  readonly scale: number
  /** How long the last frame stays. */
  readonly restMs: number
  readonly title: string
  /** The most colours of the film. With fewer, it is smaller. */
  readonly colours: number
}

interface Patch {
  readonly x: number
  readonly y: number
  readonly pixels: Pixels
}

/**
 * Makes an SVG that plays the frames again and again: the first frame, and on it one image for each
 * later frame, of what has changed. It needs no script, so it also plays as `<img>`. With "reduced
 * motion" it shows the last frame.
 */
export function toFilm(frames: readonly Frame[], { scale, restMs, title, colours }: FilmOptions): string {
  const images = frames.map(({ png, atMs }) => ({ pixels: decodePng(png), atMs }))
  reduceColours(
    images.map(({ pixels }) => pixels),
    colours,
  )
  const [first] = images
  if (!first) throw new Error('Cannot make a film of no frames')
  const lengthMs = images.at(-1)!.atMs + restMs
  const { width, height } = first.pixels
  const rules: string[] = []
  const groups = images.map(({ pixels, atMs }, index) => {
    const patches = index === 0 ? [{ x: 0, y: 0, pixels }] : toPatches(images[index - 1]!.pixels, pixels)
    const shown = patches.map(toImage).join('')
    if (index === 0 || shown === '') return shown
    const share = ((100 * atMs) / lengthMs).toFixed(2)
    rules.push(
      `@keyframes f${index}{0%{visibility:hidden}${share}%,to{visibility:visible}}#f${index}{animation-name:f${index}}`,
    )
    return `<g id="f${index}">${shown}</g>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width / scale}" height="${height / scale}" role="img">
<title>${title}</title>
<style>g{animation:${lengthMs}ms step-end infinite}${rules.join('')}@media(prefers-reduced-motion:reduce){g{animation:none}}</style>
${groups.filter((group) => group !== '').join('\n')}
</svg>
`
}

/** Colours that differ by less than this look the same. */
const sameColour = 8 ** 2

/**
 * Keeps the most frequent colours of all images that do not look the same, and replaces each other
 * colour by the nearest.
 */
function reduceColours(images: readonly Pixels[], mostColours: number) {
  const counts = new Map<number, number>()
  for (const { data } of images) for (const colour of data) counts.set(colour, (counts.get(colour) ?? 0) + 1)
  const kept: number[] = []
  const toNearest = (colour: number) =>
    kept.reduce((nearest, other) => (toDistance(colour, other) < toDistance(colour, nearest) ? other : nearest))
  for (const colour of [...counts.keys()].toSorted((a, b) => counts.get(b)! - counts.get(a)!)) {
    if (kept.length === mostColours) break
    if (kept.length === 0 || toDistance(colour, toNearest(colour)) >= sameColour) kept.push(colour)
  }
  const toKept = new Map([...counts.keys()].map((colour) => [colour, toNearest(colour)]))
  for (const { data } of images) for (const [at, colour] of data.entries()) data[at] = toKept.get(colour)!
}

function toDistance(a: number, b: number): number {
  return [16, 8, 0].reduce((sum, shift) => sum + (((a >> shift) & 0xff) - ((b >> shift) & 0xff)) ** 2, 0)
}

/** How many pixels around a change belong to its patch. Without them, a smaller picture shows seams. */
const margin = 3

/** Returns the rectangles that have changed: one for each band of rows, from top to bottom. */
function toPatches(before: Pixels, after: Pixels): Patch[] {
  const { width, height, data } = after
  const bands: { top: number; bottom: number; left: number; right: number }[] = []
  for (let y = 0; y < height; y++) {
    const changed = data.subarray(y * width, (y + 1) * width).map((colour, x) => Number(colour !== before.data[y * width + x]))
    const [left, right] = [changed.indexOf(1), changed.lastIndexOf(1)]
    if (left < 0) continue
    const band = bands.at(-1)
    if (band && y <= band.bottom + 2 * margin + 1)
      Object.assign(band, { bottom: y, left: Math.min(band.left, left), right: Math.max(band.right, right) })
    else bands.push({ top: y, bottom: y, left, right })
  }
  return bands.map(({ top, bottom, left, right }) => {
    const [x, y] = [Math.max(0, left - margin), Math.max(0, top - margin)]
    const pixels = {
      width: Math.min(width, right + 1 + margin) - x,
      height: Math.min(height, bottom + 1 + margin) - y,
    }
    const copy = Int32Array.from(
      { length: pixels.width * pixels.height },
      (_, at) => data[(y + Math.floor(at / pixels.width)) * width + x + (at % pixels.width)]!,
    )
    return { x, y, pixels: { ...pixels, data: copy } }
  })
}

function toImage({ x, y, pixels }: Patch): string {
  const href = `data:image/png;base64,${encodePng(pixels).toString('base64')}`
  return `<image x="${x}" y="${y}" width="${pixels.width}" height="${pixels.height}" href="${href}"/>`
}
