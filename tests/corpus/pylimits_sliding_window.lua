-- Limiter libraries of the python limits family: a sliding window by two counters, the old one renamed from the new when its time is over.
-- Exercises: RENAME inside a script, PEXPIRE of the renamed, PTTL to decide, GET with 'or', a nested table reply.
--- acquire
local current_key, previous_key = KEYS[1], KEYS[2]
local limit, size, amount, at = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
if amount > limit then return false end
local started = tonumber(redis.call('hget', KEYS[3], 'started') or at)
if at - started >= size then
  if redis.call('exists', current_key) == 1 then
    redis.call('rename', current_key, previous_key)
    redis.call('pexpire', previous_key, size * 1000000)
  end
  started = started + size
end
redis.call('hset', KEYS[3], 'started', started)
local previous = tonumber(redis.call('get', previous_key) or 0)
local current = tonumber(redis.call('get', current_key) or 0)
local left = (size - (at - started)) / size
local weighted = math.floor(previous * left) + current
if weighted + amount > limit then return { false, { previous, current, tostring(left) } } end
redis.call('incrby', current_key, amount)
if redis.call('pttl', current_key) < 0 then redis.call('pexpire', current_key, size * 1000000) end
return { true, { previous, current + amount, tostring(left) } }
