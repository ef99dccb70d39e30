-- Frameworks of the Laravel family: a limiter of duration in a hash, and one of concurrency in numbered slots.
-- Exercises: HMSET with many pairs, HGET compared as number, a local function, SET NX over a loop of keys by ipairs, boolean replies.
--- duration
local function reset()
  redis.call('HMSET', KEYS[1], 'start', ARGV[2], 'end', ARGV[2] + ARGV[3], 'count', 1)
  return redis.call('EXPIRE', KEYS[1], ARGV[3] * 2000)
end
if redis.call('EXISTS', KEYS[1]) == 0 then
  return { reset(), ARGV[2] + ARGV[3], ARGV[4] - 1 }
end
if ARGV[1] >= redis.call('HGET', KEYS[1], 'start') and ARGV[1] <= redis.call('HGET', KEYS[1], 'end') then
  return {
    tonumber(redis.call('HINCRBY', KEYS[1], 'count', 1)) <= tonumber(ARGV[4]),
    redis.call('HGET', KEYS[1], 'end'),
    ARGV[4] - redis.call('HGET', KEYS[1], 'count'),
  }
end
return { reset(), ARGV[2] + ARGV[3], ARGV[4] - 1 }
--- acquire_slot
for index, value in pairs(redis.call('mget', unpack(KEYS))) do
  if not value then
    redis.call('set', KEYS[index], ARGV[3], "EX", ARGV[2])
    return ARGV[1] .. index
  end
end
--- release_slot
if redis.call('get', KEYS[1]) == ARGV[1]
then
  return redis.call('del', KEYS[1])
else
  return 0
end
