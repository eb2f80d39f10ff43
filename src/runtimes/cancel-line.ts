import type { Worker } from 'node:cluster'
import type { Cancel } from '../routes/cancel.ts'

/** What a worker and its primary say to each other, either way: stop this request id, and whether something ran there. */
type Message = { ask: number; cancel: string } | { ask: number; found: boolean }

/**
 * One end of the line between a worker and its primary: answers by `cancel` what comes from the other end, and gives how to ask there. Who
 * is gone has nothing to stop.
 */
export function createCancelLine(worker: Worker, cancel: Cancel): (requestId: string) => Promise<boolean> {
  const waiting = new Map<number, (found: boolean) => void>()
  let count = 0

  function settle(ask: number, found: boolean) {
    waiting.get(ask)?.(found)
    waiting.delete(ask)
  }
  async function reply({ ask, cancel: requestId }: Extract<Message, { cancel: string }>) {
    const found = await cancel(requestId)
    if (worker.isConnected()) worker.send({ ask, found })
  }
  worker.on('message', (message: Message | string) => {
    if (typeof message === 'string') return
    if ('cancel' in message) void reply(message)
    else settle(message.ask, message.found)
  })
  worker.on('disconnect', () => {
    for (const ask of waiting.keys()) settle(ask, false)
  })
  return (requestId) =>
    new Promise((resolve) => {
      if (!worker.isConnected()) return resolve(false)
      const ask = ++count
      waiting.set(ask, resolve)
      worker.send({ ask, cancel: requestId })
    })
}
