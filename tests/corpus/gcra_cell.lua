-- Throttles in the shape of the redis-cell module: five numbers for the headers of an HTTP reply.
-- Exercises: integer microseconds near 1.7e15 without loss, math.ceil and floor of quotients, INCRBY refused for a float, SET PX of rounded values, -1 for "allowed".
--- throttle
local burst, count, period, quantity, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]) * 1000000, tonumber(ARGV[4]), tonumber(ARGV[5])
local emission = period / count
local tolerance = emission * (burst + 1)
local tat = tonumber(redis.call('GET', KEYS[1])) or now
if tat < now then tat = now end
local new_tat = tat + emission * quantity
local allow_at = new_tat - tolerance
local limited, retry, ttl = 0, -1, 0
if allow_at > now then
  limited = 1
  if emission * quantity <= tolerance then retry = math.ceil((allow_at - now) / 1000000) end
  ttl = tat - now
else
  ttl = new_tat - now
  redis.call('SET', KEYS[1], new_tat, 'PX', math.max(3600000, math.ceil(ttl / 1000)))
end
local remaining = math.floor((tolerance - ttl) / emission)
return { limited, burst + 1, remaining, retry, math.ceil(ttl / 1000000) }
