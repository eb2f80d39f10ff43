import { orUnavailable, producerLost } from '../../streams/failures.ts'
import { toRepeatingEncoder } from '../../streams/repeating-encoder.ts'
import type { Run, SharedRuns } from '../../streams/runs.ts'
import type { Answers } from './answers.ts'
import { toErasure } from './commands.ts'
import { parseFields, type Description } from './description.ts'
import type { Inbox } from './inbox.ts'
import { keys } from './keys.ts'
import type { Redis, Reply } from './redis.ts'
import type { RemoteLogs } from './remote-logs.ts'

export interface OtherRunsOptions {
  readonly redis: Redis
  /** The id of this process. */
  readonly process: string
  readonly inbox: Inbox
  readonly logs: RemoteLogs
  readonly answers: Answers
  readonly leaseMs: number
}

/** The runs of other processes. */
export interface OtherRuns extends Pick<SharedRuns, 'find' | 'findChat' | 'stopChat' | 'list'> {
  /** Tells the processes whose runs are read here how many readers there are. */
  tellViewers(): void
}

/** How long a process waits until another one has stopped or removed a run, in milliseconds. */
const demandMs = 1500

export function createOtherRuns({ redis, process, inbox, logs, answers, leaseMs }: OtherRunsOptions): OtherRuns {
  /** How many readers this process has of each run. */
  const reading = new Map<string, { readonly producer: string; count: number }>()

  const ask = (...command: string[]): Promise<Reply> => orUnavailable(redis.send(...command))
  const quietly = (work: Promise<unknown>) => void work.catch(() => {})

  function tell(producer: string, runs: Readonly<Record<string, number>>, hasReadEnd = false) {
    quietly(inbox.send(producer, { type: 'viewers', from: process, runs, ...(hasReadEnd && { hasReadEnd }) }))
  }

  function toRun(id: string, owner: string, description: Description): Run {
    const { process: producer, requestId, isBackground, keepMs, state, encoder, failures, queued } = description
    const name = keys.run(id, owner)

    const run: Run = {
      request: {
        requestId,
        encoder: toRepeatingEncoder(encoder, failures),
        graceMs: isBackground ? undefined : 0,
        toQueued: state !== 'finished' && queued ? () => queued : undefined,
      },
      log: logs.open({ id, name, process: producer, ending: failures[producerLost().code] ?? '', keepMs }),
      isElsewhere: true,
      state,
      join() {
        const readers = reading.get(id) ?? { producer, count: 0 }
        reading.set(id, readers)
        tell(producer, { [id]: ++readers.count })
        let hasLeft = false
        return (hasReadEnd) => {
          if (hasLeft) return
          hasLeft = true
          tell(producer, { [id]: --readers.count }, hasReadEnd)
          if (readers.count === 0) reading.delete(id)
        }
      },
      async stop() {
        if (state === 'finished') return run.remove()
        await demand('stop')
      },
      async remove() {
        await ask('UNLINK', name)
        if (state === 'finished') for (const command of toErasure(id, leaseMs)) quietly(redis.send(...command))
        await demand('remove')
      },
    }
    /**
     * Asks the producer, and waits until it has obeyed. A producer that is dead does not answer.
     */
    async function demand(type: 'stop' | 'remove') {
      const question = answers.ask(demandMs)
      await orUnavailable(inbox.send(producer, { type, run: id, from: process, id: question.id }))
      await question.answered
    }
    return run
  }

  async function find(id: string, owner: string): Promise<Run | undefined> {
    const description = parseFields(await ask('HMGET', keys.run(id, owner), 'process', 'state', 'rest'))
    return description && toRun(id, owner, description)
  }
  async function findChat(chat: string, owner: string): Promise<Run | undefined> {
    const id = await ask('GET', keys.chat(owner, chat))
    return typeof id === 'string' ? find(id, owner) : undefined
  }

  return {
    find,
    findChat,
    async stopChat(chat, owner) {
      const ids = (await ask('SMEMBERS', keys.chatRuns(owner, chat))) as readonly string[]
      const runs = await Promise.all(ids.map((id) => find(id, owner)))
      await Promise.all(runs.map(async (run) => run?.state !== 'finished' && run?.stop()))
    },
    async list(owner) {
      const ids = (await ask('ZRANGE', keys.runs(owner), '0', '-1')) as readonly string[]
      const runs = await Promise.all(ids.map((id) => find(id, owner)))
      const gone = ids.filter((_, i) => runs[i] === undefined)
      if (gone.length > 0) quietly(redis.send('ZREM', keys.runs(owner), ...gone))
      return runs.filter((run) => run !== undefined)
    },
    tellViewers() {
      const all = Map.groupBy(reading, ([, { producer }]) => producer)
      for (const [producer, runs] of all) tell(producer, Object.fromEntries(runs.map(([id, { count }]) => [id, count])))
    },
  }
}
