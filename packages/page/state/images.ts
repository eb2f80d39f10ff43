/** How many images one message may have. */
export const maxImages = 10
/** The maximum size of an image's file, before the image is made smaller. */
const maxImageBytes = 20 * 1024 * 1024

/**
 * The maximum width and height. Vision models use tiles of at most this size, so more pixels would
 * only be more bytes.
 */
const maxSidePx = 1344
/**
 * The maximum size of a PNG. Ten images must fit into a request body of 16 MiB
 * (docs/protocol.md#8-configuration).
 */
const maxPngBytes = 1024 * 1024

/**
 * Converts an image to a format that Ollama accepts: JPEG or PNG, in base64 without a prefix. The
 * image is turned upright by its EXIF data, and its longer side has at most 1344 px. Resolves to
 * `undefined` if the browser does not support the format, or if the file is larger than 20 MiB.
 */
export async function toImage(file: Blob): Promise<string | undefined> {
  if (!/^image\/(?!svg)/.test(file.type) || file.size > maxImageBytes) return undefined
  try {
    const bitmap = await createImageBitmap(file, { imageOrientation: 'from-image' })
    const picture = draw(bitmap)
    bitmap.close()
    const png = file.type === 'image/jpeg' ? undefined : await picture.convertToBlob({ type: 'image/png' })
    return await toBase64(
      png && png.size <= maxPngBytes ? png : await picture.convertToBlob({ type: 'image/jpeg', quality: 0.9 }),
    )
  } catch {
    return undefined // the image cannot be decoded
  }
}

function draw(bitmap: ImageBitmap): OffscreenCanvas {
  const scale = Math.min(1, maxSidePx / Math.max(bitmap.width, bitmap.height))
  const side = (px: number) => Math.max(1, Math.round(px * scale))
  const canvas = new OffscreenCanvas(side(bitmap.width), side(bitmap.height))
  const context = canvas.getContext('2d')!
  context.imageSmoothingQuality = 'high'
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height)
  // Transparent parts become white, because a JPEG would show them black.
  context.globalCompositeOperation = 'destination-over'
  context.fillStyle = '#fff'
  context.fillRect(0, 0, canvas.width, canvas.height)
  return canvas
}

function toBase64(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.addEventListener('load', () => resolve((reader.result as string).replace(/^.*,/, '')))
    reader.addEventListener('error', () => reject(reader.error!))
    reader.readAsDataURL(blob)
  })
}
