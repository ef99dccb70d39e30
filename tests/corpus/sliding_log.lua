-- Proxies and services that log each request in a sorted set: exact sliding windows, also for several limits at once.
-- Exercises: ZREMRANGEBYSCORE with an exclusive bound, unique members composed of time and random bytes, ZCARD against the limit, ZRANGE of the oldest for Retry-After, PEXPIRE, several windows over one set by ZCOUNT.
--- hit
local key, now, window, limit = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', key, '-inf', '(' .. now - window)
local used = redis.call('ZCARD', key)
if used < limit then
  redis.call('ZADD', key, now, now .. '-' .. ARGV[4])
  redis.call('PEXPIRE', key, window * 1000)
  return { 1, limit - used - 1, 0 }
end
local oldest = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
return { 0, 0, oldest[2] + window - now }
--- windows
local out = {}
for i = 2, #ARGV, 2 do
  local used = redis.call('ZCOUNT', KEYS[1], ARGV[1] - ARGV[i], '+inf')
  out[#out + 1] = used < tonumber(ARGV[i + 1])
  out[#out + 1] = used
end
return out
