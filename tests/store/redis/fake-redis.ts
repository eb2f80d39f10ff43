import type { Redis, Reply } from '../../../src/store/redis/redis.ts'

/** What happens to a command. `lost`: Redis runs it, but the connection breaks before the reply. */
export type Fate = 'ok' | 'refused' | 'lost' | 'wiped'

interface Id {
  readonly epoch: bigint
  readonly count: bigint
}

function parseId(text: string): Id {
  const [epoch = '0', count = '0'] = text.split('-')
  return { epoch: BigInt(epoch), count: BigInt(count) }
}

function compare(a: string, b: string): number {
  const [x, y] = [parseId(a), parseId(b)]
  if (x.epoch !== y.epoch) return x.epoch < y.epoch ? -1 : 1
  if (x.count === y.count) return 0
  return x.count < y.count ? -1 : 1
}

/** The streams of Redis in memory, with the commands that logs need. Others do nothing. */
export function createFakeRedis(toFate: (command: readonly string[]) => Fate = () => 'ok'): Redis {
  const streams = new Map<string, [id: string, fields: string[]][]>()

  function run([name = '', key = '', ...args]: readonly string[]): Reply {
    const entries = streams.get(key)
    if (name === 'XADD') {
      const isDemanding = args[0] === 'NOMKSTREAM'
      if (isDemanding && !entries) return null
      const [id = '', ...fields] = isDemanding ? args.slice(1) : args
      const last = entries?.at(-1)?.[0]
      if (last !== undefined && compare(id, last) <= 0)
        throw new Error('ERR The ID specified in XADD is equal or smaller than the target stream top item')
      streams.set(key, [...(entries ?? []), [id, fields]])
      return id
    }
    if (name === 'XRANGE') {
      const from = args[0]!.slice(1)
      return (entries ?? []).filter(([id]) => compare(id, from) > 0).slice(0, Number(args[3]))
    }
    if (name === 'XREVRANGE') return (entries ?? []).toReversed().slice(0, Number(args[3]))
    if (name === 'XTRIM') {
      const kept = (entries ?? []).filter(([id]) => compare(id, args[1]!) >= 0)
      if (entries) streams.set(key, kept)
    }
    if (name === 'EXISTS') return entries ? 1 : 0
    return 1
  }

  return {
    isReady: true,
    async send(...command) {
      const fate = toFate(command)
      if (fate === 'wiped') streams.clear()
      if (fate === 'refused') throw new Error('Redis cannot be reached')
      const reply = run(command)
      if (fate === 'lost') throw new Error('The connection is lost')
      return reply
    },
    subscribe() {},
    onConnected() {},
  }
}
