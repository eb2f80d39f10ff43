/** A systemd unit: what each key is set to, in order; the sections' names do not matter to us. */
export type Unit = Readonly<Record<string, readonly string[]>>

/** @throws Error for a line that is no comment, section or `Key=value` */
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
