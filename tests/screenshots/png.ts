import { crc32, deflateSync, inflateSync } from 'node:zlib'

/** An image: one number for each pixel, 0xRRGGBB, row by row. */
export interface Pixels {
  readonly width: number
  readonly height: number
  readonly data: Int32Array
}

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

/**
 * Decodes a screenshot of Chromium: 8 bits a channel, RGB or RGBA, not interlaced
 * (https://www.w3.org/TR/png-3/). Ignores the alpha, because a page has no transparent pixels.
 * @throws Error for any other PNG
 */
export function decodePng(png: Buffer): Pixels {
  const parts: Buffer[] = []
  let header: Buffer = Buffer.alloc(0)
  for (let at = signature.length; at < png.length; at += 12 + png.readUInt32BE(at)) {
    const body = png.subarray(at + 8, at + 8 + png.readUInt32BE(at))
    const type = png.toString('latin1', at + 4, at + 8)
    if (type === 'IHDR') header = body
    else if (type === 'IDAT') parts.push(body)
  }
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)]
  const size = { 2: 3, 6: 4 }[header[9]!]
  if (header[8] !== 8 || size === undefined || header[12] !== 0) throw new Error('Cannot decode this kind of PNG')
  const rows = inflateSync(Buffer.concat(parts))
  const data = new Int32Array(width * height)
  const stride = width * size
  let above: Buffer = Buffer.alloc(stride)
  for (let y = 0; y < height; y++) {
    const row = rows.subarray(y * (stride + 1) + 1, (y + 1) * (stride + 1))
    unfilter(rows[y * (stride + 1)]!, row, above, size)
    for (let x = 0; x < width; x++) data[y * width + x] = row.readUIntBE(x * size, 3)
    above = row
  }
  return { width, height, data }
}

/** Adds to each byte what the filter of its row predicts. */
function unfilter(filter: number, row: Buffer, above: Buffer, size: number) {
  for (let i = 0; i < row.length; i++) {
    const [left, up, corner] = [row[i - size] ?? 0, above[i]!, above[i - size] ?? 0]
    const predicted = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter]!
    row[i] = row[i]! + predicted
  }
}

function paeth(left: number, up: number, corner: number): number {
  const [a, b, c] = [left, up, corner].map((value) => Math.abs(left + up - corner - value)) as [number, number, number]
  if (a <= b && a <= c) return left
  return b <= c ? up : corner
}

/** Encodes an image of at most 256 colours, with a palette. @throws Error if it has more */
export function encodePng({ width, height, data }: Pixels): Buffer {
  const palette = new Map<number, number>()
  const rows = Buffer.alloc(height * (width + 1))
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const colour = data[y * width + x]!
      if (!palette.has(colour)) palette.set(colour, palette.size)
      rows[y * (width + 1) + 1 + x] = palette.get(colour)!
    }
  if (palette.size > 256) throw new Error(`Cannot encode ${palette.size} colours`)
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 3, 0, 0, 0], 8)
  const colours = Buffer.alloc(3 * palette.size)
  for (const [colour, index] of palette) colours.writeUIntBE(colour, 3 * index, 3)
  return Buffer.concat([
    signature,
    toChunk('IHDR', header),
    toChunk('PLTE', colours),
    toChunk('IDAT', deflateSync(rows, { level: 9, memLevel: 9 })),
    toChunk('IEND', Buffer.alloc(0)),
  ])
}

function toChunk(type: string, body: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type, 'latin1'), body])
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(body.length)
  sum.writeUInt32BE(crc32(typed))
  return Buffer.concat([length, typed, sum])
}
