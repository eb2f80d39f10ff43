const canFit = CSS.supports('field-sizing', 'content')

/**
 * Makes a field as high as its text, in browsers without the CSS property `field-sizing`. CSS
 * limits the height.
 */
export function fitHeight(field: HTMLTextAreaElement) {
  if (canFit) return
  field.style.height = 'auto'
  field.style.height = `${field.scrollHeight}px`
}
