import type { Worker } from 'node:cluster'
import type { StreamOf } from '../relay/streams.ts'
import type { Cancel } from '../routes/cancel.ts'

/** What a worker and its primary say to each other, either way: stop these streams, and whether there were any. */
type Message = { ask: number; cancel: StreamOf } | { ask: number; found: boolean }

/**
 * One end of the line between a worker and its primary: answers by `cancel` what comes from the other end, and gives how to ask there. Who
 * is gone has nothing to stop.
 */
export function createCancelLine(worker: Worker, cancel: Cancel): (who: StreamOf) => Promise<boolean> {
  const waiting = new Map<number, (found: boolean) => void>()
  let count = 0

  function settle(ask: number, found: boolean) {
    waiting.get(ask)?.(found)
    waiting.delete(ask)
  }
  async function reply({ ask, cancel: who }: Extract<Message, { cancel: StreamOf }>) {
    const found = await cancel(who)
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
  return (who) =>
    new Promise((resolve) => {
      if (!worker.isConnected()) return resolve(false)
      const ask = ++count
      waiting.set(ask, resolve)
      worker.send({ ask, cancel: who })
    })
}
