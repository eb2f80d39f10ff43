import { notSupported } from './not-supported.ts'

/** By field: the values that ask for what cannot be had, and why it cannot. */
export type Refusals = Readonly<Record<string, { when: (value: unknown) => boolean; because: string }>>

/** @throws ServiceError `not_supported`, by the field's name: ignoring it would change what the answer means */
export function refuse(body: Readonly<Record<string, unknown>>, refusals: Refusals) {
  for (const [field, { when, because }] of Object.entries(refusals)) {
    const value = body[field] ?? undefined
    if (value !== undefined && when(value)) throw notSupported(field, because)
  }
}

export const whenGiven = () => true
export const whenMany = (value: unknown) => typeof value === 'number' && value > 1
export const whenFilled = (value: unknown) => typeof value === 'object' && value !== null && Object.keys(value).length > 0
