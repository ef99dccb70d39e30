-- Reverse proxies of the Traefik family: a token bucket in one hash, times in microseconds, the delay computed in the script.
-- Exercises: HMGET with missing fields, HSET of floats, numbers near 1.7e15, booleans turned into replies, tostring with %.14g.
--- allow
local rate, burst, ttl, now, n = tonumber(ARGV[1]) / 1000000, tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local max_delay = tonumber(ARGV[6])
local bucket = redis.call('hmget', KEYS[1], 'last', 'tokens')
local last, tokens = tonumber(bucket[1] or now), tonumber(bucket[2] or burst)
if now < last then last = now end
local elapsed = now - last
tokens = math.min(burst, tokens + elapsed * rate) - n
local wait = 0
if tokens < 0 then
  wait = -tokens / rate
  if wait > max_delay then
    return { false, tostring(wait), tostring(tokens + n) }
  end
end
redis.call('hset', KEYS[1], 'last', now, 'tokens', tokens)
redis.call('expire', KEYS[1], ttl)
return { true, tostring(wait), tostring(tokens) }
