-- Rate limiters of the Redisson family: a hash of settings, a counter of permits, a sorted set of packed grants.
-- Exercises: HGET with assert on false, struct.pack('Bc0I'), ZRANGEBYSCORE then ZREMRANGEBYSCORE, a nil reply for "granted", undeclared names by concatenation.
--- set_rate
redis.call('hsetnx', KEYS[1], 'rate', ARGV[1])
redis.call('hsetnx', KEYS[1], 'interval', ARGV[2])
return redis.call('hsetnx', KEYS[1], 'type', ARGV[3])
--- acquire
local rate = redis.call('hget', KEYS[1], 'rate')
local interval = redis.call('hget', KEYS[1], 'interval')
local type = redis.call('hget', KEYS[1], 'type')
assert(rate ~= false and interval ~= false and type ~= false, 'RateLimiter is not initialized')
local valueName, permitsName = KEYS[2], KEYS[4]
if type == '1' then valueName, permitsName = KEYS[3], KEYS[5] end
assert(tonumber(rate) >= tonumber(ARGV[1]), 'Requested permits amount cannot exceed defined rate')
local currentValue = redis.call('get', valueName)
local res
if currentValue ~= false then
  local expired = redis.call('zrangebyscore', permitsName, 0, tonumber(ARGV[2]) - interval)
  local released = 0
  for i, v in ipairs(expired) do
    local random, permits = struct.unpack('Bc0I', v)
    released = released + permits
  end
  if released > 0 then
    redis.call('zremrangebyscore', permitsName, 0, tonumber(ARGV[2]) - interval)
    currentValue = tonumber(currentValue) + released
    redis.call('set', valueName, currentValue)
  end
  if tonumber(currentValue) < tonumber(ARGV[1]) then
    local first = redis.call('zrange', permitsName, 0, 0, 'withscores')
    res = 3 + interval - (tonumber(ARGV[2]) - tonumber(first[2]))
  else
    redis.call('zadd', permitsName, ARGV[2], struct.pack('Bc0I', string.len(ARGV[3]), ARGV[3], ARGV[1]))
    redis.call('decrby', valueName, ARGV[1])
    res = nil
  end
else
  redis.call('set', valueName, rate)
  redis.call('zadd', permitsName, ARGV[2], struct.pack('Bc0I', string.len(ARGV[3]), ARGV[3], ARGV[1]))
  redis.call('decrby', valueName, ARGV[1])
  res = nil
end
local ttl = redis.call('pttl', KEYS[1])
if ttl > 0 then
  redis.call('pexpire', valueName, ttl)
  redis.call('pexpire', permitsName, ttl)
end
return res
