/** One chunk of a UI message stream. */
export function toFrame(chunk: { readonly type: string; readonly [field: string]: unknown }): string {
  return `data: ${JSON.stringify(chunk)}\n\n`
}
