-- Sliding window log: at most `limit` calls in any span of `window` milliseconds, exactly.
--
--   EVALSHA <sha> 1 log:alice 100 60000
--
-- KEYS[1]  the log, a sorted set: one member per granted call, scored with its time in microseconds
-- ARGV[1]  limit: calls per window, a whole number, 0 or more; the log holds up to that many members
-- ARGV[2]  window: its length in milliseconds, a whole number, 1 or more
--
-- Returns {allowed, remaining, retry_after_ms}
--   allowed         1 or 0
--   remaining       calls left in the window that ends now
--   retry_after_ms  0 when allowed; else when enough calls have left the window; -1 if never, because limit is 0
--
-- Exact, and paid for with memory: it suits small limits. For large ones take token_bucket.lua.

local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
if not (limit and limit >= 0 and limit == math.floor(limit)) then
  return redis.error_reply('ERR limit must be a whole number, 0 or more')
end
if not (window and window >= 1 and window <= 1e12 and window == math.floor(window)) then
  return redis.error_reply('ERR window must be a whole number of milliseconds, 1 or more')
end

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])

redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window * 1000)
local count = redis.call('ZCARD', KEYS[1])

if limit == 0 then
  return {0, 0, -1}
end
if count >= limit then
  -- The one call that has to leave: the oldest, or a later one if the limit was lowered meanwhile.
  local last = count - limit
  local leaves = tonumber(redis.call('ZRANGE', KEYS[1], last, last, 'WITHSCORES')[2]) + window * 1000
  return {0, 0, math.ceil((leaves - now) / 1000)}
end

-- Each call needs a member of its own: a second ZADD of one member would count two calls as one. The name is put together
-- from the two strings of TIME, because `..` on a number this large keeps only 14 digits.
local serial = count
while redis.call('ZADD', KEYS[1], 'NX', now, time[1] .. '.' .. time[2] .. '-' .. serial) == 0 do
  serial = serial + 1
end
-- From the TIME above, not from the server's: where time goes on within a script, PEXPIRE counts from its beginning and
-- would forget this call a moment too early.
redis.call('PEXPIREAT', KEYS[1], math.ceil(now / 1000) + window)
return {1, limit - count - 1, 0}
