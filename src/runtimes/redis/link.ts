import type { createClient, RedisClientType, RedisFunctions, RedisModules, RedisScripts } from '@redis/client'
import type { RedisAddress } from '../../config/schemas.ts'
import { within } from '../../within.ts'
import { LateError } from './problem.ts'

/** One connection of the driver. It does not reconnect by itself. */
export type Client = RedisClientType<RedisModules, RedisFunctions, RedisScripts, 2>

export interface LinkOptions {
  createClient: typeof createClient
  address: RedisAddress
  /** Sends the first commands. If this rejects, the connection is not used. */
  greet(client: Client): Promise<void>
  onUp(client: Client): void
  /** The connection was lost, or there is none yet. */
  onDown(error: unknown): void
}

/** A connection to Redis. It is made anew each time that it is lost, for ever. */
export interface Link {
  /** Undefined if there is no connection. */
  readonly client: Client | undefined
  /** Connects. If this rejects, further attempts follow in the background. */
  start(): Promise<void>
  /** Gives the connection up. Another one follows. */
  drop(error: unknown): void
  /** Ends the connection. No other one follows. */
  close(): void
}

/** How long a connection and its first commands may take, in milliseconds. */
const connectLimitMs = 2000
/** The longest wait between two attempts, in milliseconds. */
const maxWaitMs = 1000

export function createLink({ createClient, address, greet, onUp, onDown }: LinkOptions): Link {
  const { tls, host, port, username, password, database } = address
  let client: Client | undefined
  let isClosed = false
  let attempts = 0

  function create(): Client {
    return createClient({
      // A `Reply` has the types of RESP 2.
      RESP: 2,
      socket: { host, port, connectTimeout: connectLimitMs, reconnectStrategy: false, ...(tls && { tls }) },
      ...(username !== undefined && { username }),
      ...(password !== undefined && { password }),
      database,
      disableOfflineQueue: true,
      disableClientInfo: true,
      // The driver's own limit costs a timer for each command, and ends when the command is sent.
      commandOptions: { timeout: 0 },
    })
  }

  async function open(next: Client) {
    await next.connect()
    await greet(next)
  }
  async function start() {
    const next = create()
    const broken = Promise.withResolvers<never>()
    next.on('error', (error: unknown) => {
      if (client === next) drop(error)
      else broken.reject(error)
    })
    try {
      await within(connectLimitMs, Promise.race([open(next), broken.promise]), () => {
        throw new LateError()
      })
    } catch (error) {
      end(next)
      onDown(error)
      retry()
      throw error
    }
    if (isClosed) return end(next)
    client = next
    attempts = 0
    onUp(next)
  }
  function retry() {
    if (isClosed) return
    const waitMs = Math.min(maxWaitMs, 50 * 2 ** attempts++)
    // With the jitter, not all processes come back at the same moment.
    setTimeout(() => void start().catch(() => {}), waitMs * (0.5 + Math.random() / 2))
  }
  function drop(error: unknown) {
    if (!client) return
    end(client)
    client = undefined
    onDown(error)
    retry()
  }

  return {
    get client() {
      return client
    },
    start,
    drop,
    close() {
      isClosed = true
      drop(new Error('closed'))
    },
  }
}

function end(client: Client) {
  if (client.isOpen) client.destroy()
}
