const canFit = CSS.supports('field-sizing', 'content')

/** Makes a field as high as its text, where the browser does not by itself (`field-sizing`); CSS limits it. */
export function fitHeight(field: HTMLTextAreaElement) {
  if (canFit) return
  field.style.height = 'auto'
  field.style.height = `${field.scrollHeight}px`
}
