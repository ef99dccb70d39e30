-- Job queues of the BullMQ family: wait to active under a lock token, active to completed with the newest N kept, stalled jobs put back.
-- Exercises: RPOPLPUSH and LMOVE, SET PX with a token, LREM counts as conditions, ZREVRANGE beyond N then DEL of job hashes, early returns of negative codes, ZADD and SPOP.
--- to_active
local prefix, token, duration, now = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local id = redis.call('RPOPLPUSH', prefix .. 'wait', prefix .. 'active')
if not id then
  local lowest = redis.call('ZPOPMIN', prefix .. 'prioritized')
  if #lowest == 0 then return { 0, 0 } end
  id = lowest[1]
  redis.call('LPUSH', prefix .. 'active', id)
end
if token ~= '0' then redis.call('SET', prefix .. id .. ':lock', token, 'PX', duration) end
redis.call('HSET', prefix .. id, 'processedOn', now)
redis.call('HINCRBY', prefix .. id, 'attemptsMade', 1)
return { redis.call('HGETALL', prefix .. id), id }
--- finish
local prefix, id, token, value, now, keep = KEYS[1], ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local function remove(ids)
  for i, old in ipairs(ids) do redis.call('DEL', prefix .. old, prefix .. old .. ':logs') end
  return #ids
end
if redis.call('EXISTS', prefix .. id) == 0 then return -1 end
local lock = prefix .. id .. ':lock'
local held = redis.call('GET', lock)
if not held then return -2 end
if held ~= token then return -6 end
redis.call('DEL', lock)
if redis.call('LREM', prefix .. 'active', -1, id) < 1 then return -3 end
redis.call('ZADD', prefix .. 'completed', now, id)
redis.call('HMSET', prefix .. id, 'returnvalue', value, 'finishedOn', now)
local removed = remove(redis.call('ZREVRANGE', prefix .. 'completed', keep, -1))
redis.call('ZREMRANGEBYRANK', prefix .. 'completed', 0, -(keep + 1))
return removed
--- promote_delayed
local prefix = KEYS[1]
local jobs = redis.call('ZRANGEBYSCORE', prefix .. 'delayed', 0, ARGV[1] * 0x1000 + 0xfff, 'LIMIT', 0, 1000)
if #jobs > 0 then
  redis.call('ZREM', prefix .. 'delayed', unpack(jobs))
  for _, id in ipairs(jobs) do
    redis.call('LPUSH', prefix .. 'wait', id)
    redis.call('HSET', prefix .. id, 'delay', 0)
  end
end
local nextDelay = redis.call('ZRANGE', prefix .. 'delayed', 0, 0, 'WITHSCORES')
if #nextDelay > 0 then return nextDelay[2] / 0x1000 end
return #jobs
--- stalled
local prefix, stalled = KEYS[1], {}
for _, id in ipairs(redis.call('LRANGE', prefix .. 'active', 0, -1)) do
  if redis.call('EXISTS', prefix .. id .. ':lock') == 0 then
    redis.call('LREM', prefix .. 'active', 1, id)
    redis.call('RPUSH', prefix .. 'wait', id)
    stalled[#stalled + 1] = id
  end
end
return stalled
