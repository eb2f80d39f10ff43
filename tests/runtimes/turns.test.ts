import { expect, test } from 'vitest'
import { createTurns } from '../../src/runtimes/turns.ts'

const nextTurn = () => new Promise((resolve) => setImmediate(resolve))

test('a few steps run in each turn of the event loop, in the order of their requests', async () => {
  const later = createTurns()
  const ran: number[] = []
  for (let i = 0; i < 10; i++) later(() => void ran.push(i))
  expect(ran).toEqual([])
  await nextTurn()
  expect(ran).toEqual([0, 1, 2, 3])
  await nextTurn()
  expect(ran).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  await nextTurn()
  expect(ran).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
})

test('a step that asks for another turn waits behind the earlier ones', async () => {
  const later = createTurns()
  const ran: string[] = []
  const again = (name: string, times: number) => () => {
    ran.push(name)
    if (times > 1) later(again(name, times - 1))
  }
  for (const name of ['a', 'b', 'c', 'd', 'e']) later(again(name, 2))
  for (let turn = 0; turn < 4; turn++) await nextTurn()
  expect(ran.join('')).toBe('abcdeabcde')
})

test('steps run again after the queue was empty', async () => {
  const later = createTurns()
  let count = 0
  for (let i = 0; i < 3; i++) {
    later(() => void count++)
    await nextTurn()
  }
  expect(count).toBe(3)
})
