import { formatNumber } from '../words/format.ts'
import { words } from '../words/words.ts'
import { IconButton } from './icon-button.tsx'

/** Thumbnails of the images in a message, or in the message that is being written. */
export function Images({ images, onRemove }: { images: readonly string[]; onRemove?: (index: number) => void }) {
  const w = words.value
  return (
    <ul class="images">
      {images.map((image, index) => (
        <li key={image.slice(-64) + index}>
          <img src={toUrl(image)} alt={w.image(formatNumber(index + 1, w))} />
          {onRemove && (
            <IconButton icon="close" label={w.removeImage(formatNumber(index + 1, w))} onClick={() => onRemove(index)} />
          )}
        </li>
      ))}
    </ul>
  )
}

/** Returns a `data:` URL for an image in base64, which is JPEG or PNG. */
function toUrl(image: string): string {
  return `data:image/${image.startsWith('iVBOR') ? 'png' : 'jpeg'};base64,${image}`
}
