/**
 * The function in Redis that counts what a caller uses. It takes the time from Redis, so the clocks
 * of the processes do not matter.
 *
 * `KEYS` belong to one caller: 1. a hash of what is used: `COUNT TIME` for each limit that comes
 * back continuously; 2. the answers under way; 3. the tokens that are not settled. The last two are
 * sorted sets of members, each with the time when its lease ends. A member is `LEASE ID`. A member
 * with tokens goes on with `|FIELD MAX PERIOD COUNT` for each limit from which it has taken. It may
 * stay after its lease, until the next reservation gives the tokens back.
 *
 * `ARGV` are the operation, the lease in milliseconds, and then
 * - reserve: the member of the answer and of the tokens (empty if there is none), and `FIELD`,
 *   `MAX`, `PERIOD`, `COUNT` of each share. Returns what was left of each share before.
 * - renew: pairs of members. A member that Redis has lost is entered again.
 * - settle: both members, the tokens that were used, and the age of the reservation in milliseconds
 *   (`toCorrection` of src/middleware/limits.ts).
 */
export const script = `
local seconds, micros = unpack(redis.call('TIME'))
local now = seconds * 1000 + math.floor(micros / 1000)
local operation, lease = ARGV[1], ARGV[2]

local function keep(key, ms)
  redis.call('PEXPIRE', key, math.max(math.ceil(ms), redis.call('PTTL', key), 1))
end

local function used(field, max, period)
  if period == '0' then return redis.call('ZCARD', KEYS[2]) end
  local count, at = string.match(redis.call('HGET', KEYS[1], field) or '', '(%S+) (%S+)')
  if not count then return 0 end
  -- After a jump of the clock back, the time of the count is in the future.
  return math.max(count - math.max(now - at, 0) * max / period, 0)
end

local function add(field, max, period, number)
  local count = math.max(used(field, max, period) + number, 0)
  redis.call('HSET', KEYS[1], field, string.format('%.17g %d', count, now))
  keep(KEYS[1], count * period / max)
  keep(KEYS[3], count * period / max)
end

local shares = '|([^ |]+) ([^ |]+) ([^ |]+) ([^ |]+)'

local function charge(member, factor)
  for field, max, period, count in string.gmatch(member, shares) do add(field, max, period, factor * count) end
end

local function correct(member, tokens, age)
  for field, max, period, count in string.gmatch(member, shares) do
    local held = math.max(count - age * max / period, 0)
    add(field, max, period, math.max(tokens - count, -held))
  end
end

local function enter(key, member)
  if member == '' then return 0 end
  local entered = redis.call('ZADD', key, now + lease, member)
  keep(key, lease)
  return entered
end

local function expire(key)
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', key, '-inf', now)) do
    redis.call('ZREM', key, member)
    charge(member, -1)
  end
  -- After a jump of the clock back, a member would outlive its lease.
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', key, '(' .. now + lease, '+inf')) do
    redis.call('ZADD', key, 'XX', 'LT', now + string.match(member, '^%d+'), member)
  end
end

if operation == 'reserve' then
  expire(KEYS[2])
  expire(KEYS[3])
  local available, isAllowed = {}, true
  for i = 5, #ARGV, 4 do
    local number = ARGV[i + 1] - used(ARGV[i], ARGV[i + 1], ARGV[i + 2])
    isAllowed = isAllowed and number >= 1
    table.insert(available, string.format('%.17g', number))
  end
  if isAllowed then
    enter(KEYS[2], ARGV[3])
    enter(KEYS[3], ARGV[4])
    for i = 5, #ARGV, 4 do
      if ARGV[i + 2] ~= '0' then add(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]) end
    end
  end
  return available
elseif operation == 'renew' then
  for i = 3, #ARGV, 2 do
    enter(KEYS[2], ARGV[i])
    if enter(KEYS[3], ARGV[i + 1]) == 1 then charge(ARGV[i + 1], 1) end
  end
else
  redis.call('ZREM', KEYS[2], ARGV[3])
  if redis.call('ZREM', KEYS[3], ARGV[4]) == 1 then correct(ARGV[4], ARGV[5], ARGV[6]) end
end
`
