/** What `sluice check` found out about one thing. `text` has no secret. */
export interface Finding {
  readonly about: string
  readonly isWell: boolean
  /** What is so, or what is wrong and what to do about it. */
  readonly text: string
}

export function well(about: string, text: string): Finding {
  return { about, isWell: true, text }
}

export function wrong(about: string, text: string): Finding {
  return { about, isWell: false, text }
}
