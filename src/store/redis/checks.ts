const toKey = (type: string) => `sluice:1:{check}:${type}`

/**
 * A write that changes nothing, because there is never such a stream. Redis refuses it if it has no
 * memory for a new entry, or if it is a replica. Redis before 6.2 does not know `NOMKSTREAM`.
 */
export const probe = ['XADD', toKey('log'), 'NOMKSTREAM', '*', 'check', ''] as const

const set = toKey('set')
const [text, hash, list] = [toKey('text'), toKey('hash'), toKey('list')]
const [names, log, channel] = [toKey('names'), toKey('log'), toKey('bell')]

/** Runs each command of the scripts, because the rights of a user hold within a script, too. */
const script = `redis.call('GET', KEYS[1]) redis.call('DEL', KEYS[1]) return 0`

/**
 * One command for each right that Sluice needs, on keys of its own. They leave no key behind. A
 * command that Sluice uses must be in this list, so that a Redis that refuses it ends the start.
 */
export const checks: readonly (readonly string[])[] = [
  probe,
  ['XRANGE', log, '-', '+', 'COUNT', '1'],
  ['XREVRANGE', log, '+', '-', 'COUNT', '1'],
  ['XTRIM', log, 'MINID', '1-0'],
  ['EXISTS', text],
  ['SET', text, '1', 'PX', '1000'],
  ['GET', text],
  ['EVAL', script, '1', text],
  ['HSET', hash, 'check', ''],
  ['HGET', hash, 'check'],
  ['HMGET', hash, 'check'],
  ['ZADD', set, '0', 'check'],
  ['ZRANGE', set, '0', '0'],
  ['ZREM', set, 'check'],
  ['SADD', names, 'check'],
  ['SMEMBERS', names],
  ['SREM', names, 'check'],
  ['RPUSH', list, 'check'],
  ['LPOP', list, '1'],
  ['PEXPIRE', hash, '1000'],
  ['UNLINK', text, hash, list],
  ['PUBLISH', channel, ''],
]

/** The channel that a connection subscribes to before all others, to see whether it may. */
export const checkChannel = channel
