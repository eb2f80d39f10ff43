const toKey = (type: string) => `sluice:1:{check}:${type}`

/**
 * A write that changes nothing, because there is never such a stream. Redis refuses it if it has no
 * memory for a new entry, or if it is a replica. Redis before 6.2 does not know `NOMKSTREAM`.
 */
export const probe = ['XADD', toKey('log'), 'NOMKSTREAM', '*', 'check', ''] as const

const text = toKey('text')
const hash = toKey('hash')
const set = toKey('set')
const names = toKey('names')
const list = toKey('list')
const log = toKey('log')

/** The channel that a connection subscribes to before all others, to see whether it may. */
export const checkChannel = toKey('bell')

/**
 * One command for each right that Sluice needs, on keys of its own. They leave no key behind. Every
 * command that Sluice sends, and every command of its scripts, must be in this list, so that a
 * Redis that refuses it ends the start.
 */
export const checks: readonly (readonly string[])[] = [
  probe,
  ['XRANGE', log, '-', '+', 'COUNT', '1'],
  ['XREVRANGE', log, '+', '-', 'COUNT', '1'],
  ['XTRIM', log, 'MINID', '1-0'],
  ['EXISTS', text],
  ['SET', text, '1', 'PX', '1000'],
  ['GET', text],
  ['PTTL', text],
  ['EVAL', 'return 0', '1', text],
  // There is no such script. Redis says so only to a user that may run scripts.
  ['EVALSHA', '0'.repeat(40), '1', text],
  ['HSET', hash, 'check', ''],
  ['HGET', hash, 'check'],
  ['HMGET', hash, 'check'],
  ['ZADD', set, '0', 'check'],
  ['ZCARD', set],
  ['ZRANGE', set, '0', '0'],
  ['ZRANGEBYSCORE', set, '0', '0'],
  ['ZREM', set, 'check'],
  ['ZREMRANGEBYSCORE', set, '0', '0'],
  ['SADD', names, 'check'],
  ['SMEMBERS', names],
  ['SREM', names, 'check'],
  ['RPUSH', list, 'check'],
  ['LPOP', list, '1'],
  ['PEXPIRE', hash, '1000'],
  ['TIME'],
  ['DEL', text],
  ['UNLINK', hash, list],
  ['PUBLISH', checkChannel, ''],
]
