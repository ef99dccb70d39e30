-- API gateways of the Spring Cloud family: a token bucket in two string keys, tokens and the time they were counted.
-- Exercises: SETEX with computed seconds, math.floor and math.min over argument strings, a nil first read, an array reply.
--- take
local tokens_key, stamp_key = KEYS[1], KEYS[2]
local rate, capacity = tonumber(ARGV[1]), tonumber(ARGV[2])
local now, asked = tonumber(ARGV[3]), tonumber(ARGV[4])
local keep = math.floor(capacity / rate * 2)
local tokens = tonumber(redis.call('get', tokens_key))
if tokens == nil then tokens = capacity end
local stamp = tonumber(redis.call('get', stamp_key))
if stamp == nil then stamp = 0 end
local filled = math.min(capacity, tokens + math.max(0, now - stamp) * rate)
local allowed = filled >= asked
local granted = 0
if allowed then
  filled = filled - asked
  granted = 1
end
if keep > 0 then
  redis.call('setex', tokens_key, keep, filled)
  redis.call('setex', stamp_key, keep, now)
end
return { granted, filled }
