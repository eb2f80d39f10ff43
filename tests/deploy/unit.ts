/** A systemd unit: the values of each key, in order, without the sections. */
export type Unit = Readonly<Record<string, readonly string[]>>

/** @throws Error if a line is neither empty nor a comment, a section or `Key=value` */
export function parseUnit(text: string): Unit {
  const unit: Record<string, string[]> = {}
  for (const line of text.split('\n')) {
    if (/^(?:#.*|\[\w+\])?$/.test(line)) continue
    const [, key, value = ''] = /^([A-Z]\w+)=(.*[^\\])?$/.exec(line) ?? []
    if (!key) throw new Error(`Cannot read the unit: ${line}`)
    ;(unit[key] ??= []).push(value)
  }
  return unit
}
