import { describe, expect, test } from 'vitest'
import { createResidency } from '../../src/pool/residency.ts'

const psOf = (...models: object[]) => ({ text: '', value: { models } })

describe('the models in the memory of a host', () => {
  test('are those of its list, with a context that suffices', () => {
    const residency = createResidency()
    residency.list(psOf({ name: 'Gemma3', context_length: 8192 }, { name: 'other:1b' }, { odd: 1 }), 0)
    const warm = [0, 4096, 8192, 8193].map((context) => residency.isWarm('gemma3:latest', context))
    expect(warm).toEqual([true, true, true, false])
    expect([residency.isWarm('other:1b', 0), residency.isWarm('other:1b', 1), residency.isWarm('none', 0)]).toEqual([
      true,
      false,
      false,
    ])
    expect(residency.toNames()).toEqual(['Gemma3', 'other:1b'])
    residency.list(psOf(), 1)
    expect(residency.isWarm('gemma3:latest', 0)).toBe(false)
  })

  test('include those that load, though the list lacks them', () => {
    const residency = createResidency()
    residency.enter('m:latest', 4096)
    residency.enter('m:latest', 0)
    residency.list(psOf(), 5)
    expect([residency.isWarm('m:latest', 4096), residency.isWarm('m:latest', 4097)]).toEqual([true, false])
    residency.leave('m:latest', 4096, false, 6)
    expect(residency.isWarm('m:latest', 0)).toBe(true)
    residency.leave('m:latest', 0, false, 6)
    expect(residency.isWarm('m:latest', 0)).toBe(false)
  })

  test('include one that has answered, until a list that was asked for later', () => {
    const residency = createResidency()
    residency.enter('m:latest', 2048)
    residency.leave('m:latest', 2048, true, 10)
    residency.list(psOf(), 9)
    expect(residency.isWarm('m:latest', 2048)).toBe(true)
    residency.list(psOf(), 11)
    expect(residency.isWarm('m:latest', 0)).toBe(false)
  })

  test('keep the context of the list, if a request asks for none', () => {
    const residency = createResidency()
    residency.list(psOf({ name: 'm:latest', context_length: 4096 }), 0)
    residency.enter('m:latest', 0)
    residency.leave('m:latest', 0, true, 1)
    expect(residency.isWarm('m:latest', 4096)).toBe(true)
  })
})
