import type { Health } from '../../store/redis/health.ts'
import { LateError } from './problem.ts'

/** How long a command may take, in milliseconds. */
const limitMs = 1000

/** The commands that are sent in one turn of the event loop. They travel together. */
interface Turn {
  readonly sentAt: number
  /** How many of them have no answer. */
  open: number
  isLate: boolean
  readonly rejects: ((error: Error) => void)[]
  readonly timer: NodeJS.Timeout
}

/** Limits the time of commands, and tells `health` how long they take. */
export interface Turns {
  /** Returns the answer of a command that was just sent. @throws LateError */
  wait<T>(answer: Promise<T>): Promise<T>
  /** When the oldest command without an answer was sent. Infinity if all have one. */
  readonly oldestSentAt: number
  /** Forgets the commands of a connection that is lost. */
  clear(): void
}

/** All commands of one turn share a timer, because a timer for each would cost too much. */
export function createTurns(health: Health, now: () => number): Turns {
  let current: Turn | undefined
  /** In the order of sending, which is also the order of the answers. */
  const waiting = new Set<Turn>()

  function start(): Turn {
    const sentAt = now()
    const turn: Turn = {
      sentAt,
      open: 0,
      isLate: false,
      rejects: [],
      timer: setTimeout(() => {
        turn.isLate = true
        health.fail()
        for (const reject of turn.rejects) reject(new LateError())
      }, limitMs),
    }
    waiting.add(turn)
    health.send(sentAt)
    setImmediate(() => {
      if (current === turn) current = undefined
    })
    return turn
  }
  function settle(turn: Turn) {
    if (--turn.open > 0) return
    if (current === turn) current = undefined
    clearTimeout(turn.timer)
    if (waiting.delete(turn) && !turn.isLate) health.answer(now())
  }

  return {
    wait(answer) {
      const turn = (current ??= start())
      turn.open++
      return new Promise((resolve, reject) => {
        turn.rejects.push(reject)
        answer.then(
          (value) => {
            settle(turn)
            resolve(value)
          },
          (error: unknown) => {
            settle(turn)
            reject(error)
          },
        )
      })
    },
    get oldestSentAt() {
      const [oldest] = waiting
      return oldest?.sentAt ?? Infinity
    },
    clear() {
      for (const { timer } of waiting) clearTimeout(timer)
      waiting.clear()
      current = undefined
    },
  }
}
