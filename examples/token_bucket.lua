-- Token bucket: a client may burst, and in the long run gets `rate` tokens a second.
--
--   EVALSHA <sha> 1 bucket:alice 10 100 1
--
-- KEYS[1]  the bucket, a hash of two fields; it is gone once it would be full again
-- ARGV[1]  rate: tokens that flow in per second, more than 0, fractions allowed
-- ARGV[2]  burst: tokens that the bucket holds, from 1 to 9,007,199,254
-- ARGV[3]  cost: tokens that this call takes; 0 asks and takes nothing
--
-- Returns {allowed, remaining, retry_after_ms}
--   allowed         1 or 0
--   remaining       whole tokens left
--   retry_after_ms  0 when allowed; else when to ask again; -1 if never, because cost is above burst
--
-- It never grants too much: tokens are whole millionths, and every rounding is downwards; a clock that steps back
-- refills nothing. A refused call writes nothing, so a client that hammers costs no log.

local rate, burst, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if not (rate and rate > 0 and rate < math.huge) then
  return redis.error_reply('ERR rate must be a number above 0')
end
if not (burst and burst >= 1 and burst <= 9007199254) then
  return redis.error_reply('ERR burst must be between 1 and 9007199254')
end
if not (cost and cost >= 0 and cost < math.huge) then
  return redis.error_reply('ERR cost must be a number, 0 or more')
end

local MILLION = 1000000
-- In milliseconds; a rate next to nothing takes 3,000 years to fill the bucket.
local LONGEST = 1e14
local capacity = math.floor(burst * MILLION)
local price = math.ceil(cost * MILLION)

local time = redis.call('TIME')
local clock = tonumber(time[1]) * MILLION + tonumber(time[2])
local now = clock

-- A bucket that is not there is full. Its tokens are as they were at `filled`; what has flowed in since is added here.
local state = redis.call('HMGET', KEYS[1], 'tokens', 'filled')
local tokens, filled = tonumber(state[1]), tonumber(state[2])
if tokens and filled then
  now = math.max(clock, filled)
  -- A microsecond brings rate/1,000,000 tokens, which is `rate` millionths.
  tokens = math.min(capacity, tokens + math.floor((now - filled) * rate))
else
  tokens = capacity
end

if price > capacity then
  return {0, math.floor(tokens / MILLION), -1}
end
if price > tokens then
  -- As many milliseconds as it takes until so many millionths have flowed in.
  return {0, math.floor(tokens / MILLION), math.min(math.ceil((price - tokens) / rate / 1000), LONGEST)}
end

if price > 0 then
  tokens = tokens - price
  redis.call('HSET', KEYS[1], 'tokens', tokens, 'filled', now)
  -- Forgetting the bucket means that it is full, so it must not come a moment early. Hence one millisecond more, and counted
  -- from the TIME above: where time goes on within a script, PEXPIRE counts from the script's beginning.
  local full_in = math.min(math.ceil((capacity - tokens) / rate / 1000), LONGEST)
  redis.call('PEXPIREAT', KEYS[1], math.floor(clock / 1000) + full_in + 1)
end
return {1, math.floor(tokens / MILLION), 0}
