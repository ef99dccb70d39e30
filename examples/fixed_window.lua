-- Fixed window: at most `limit` calls in each window, which begins with the first call.
--
--   EVALSHA <sha> 1 window:alice 100 60000
--
-- KEYS[1]  the window, a counter with a time to live
-- ARGV[1]  limit: calls per window, a whole number, 0 or more
-- ARGV[2]  window: its length in milliseconds, a whole number, 1 or more
--
-- Returns {allowed, remaining, retry_after_ms}
--   allowed         1 or 0
--   remaining       calls left in this window
--   retry_after_ms  0 when allowed; else when the window has ended; -1 if never, because limit is 0
--
-- It never grants more than `limit` in one window, but two windows meet: twice the limit can pass in a moment around
-- their border. Where that matters take token_bucket.lua or sliding_window_log.lua. A refused call writes nothing, so a
-- client that hammers costs no log.

local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
if not (limit and limit >= 0 and limit == math.floor(limit)) then
  return redis.error_reply('ERR limit must be a whole number, 0 or more')
end
if not (window and window >= 1 and window <= 1e14 and window == math.floor(window)) then
  return redis.error_reply('ERR window must be a whole number of milliseconds, 1 or more')
end

if limit == 0 then
  return {0, 0, -1}
end

-- A value that is no number is left to INCR, which says so.
local count = tonumber(redis.call('GET', KEYS[1]) or 0)
if count and count >= limit then
  local left = redis.call('PTTL', KEYS[1])
  if left < 0 then
    -- Somebody took the time to live away (PERSIST, a plain SET). Without one the client would be locked out for ever.
    redis.call('PEXPIRE', KEYS[1], window)
    left = window
  end
  -- One millisecond more, because in the last one the key is still there.
  return {0, 0, left + 1}
end

count = redis.call('INCR', KEYS[1])
if count == 1 then
  redis.call('PEXPIRE', KEYS[1], window)
end
return {1, limit - count, 0}
