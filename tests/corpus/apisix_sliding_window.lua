-- API gateways of the APISIX and Traefik-middleware family: a window of two fixed buckets, the older weighed by what is left of it.
-- Exercises: keys derived from an argument and so not declared, INCR then EXPIRE only when new, arithmetic on reply strings.
--- incoming
local limit, size, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local this = math.floor(now / size)
local current_key = KEYS[1] .. ':' .. this
local before_key = KEYS[1] .. ':' .. (this - 1)
local current = tonumber(redis.call('GET', current_key) or 0)
local before = tonumber(redis.call('GET', before_key) or '0')
local weight = 1 - (now % size) / size
local used = before * weight + current
if used + 1 > limit then
  return { 0, string.format('%.4f', used), tostring(weight) }
end
if redis.call('INCR', current_key) == 1 then
  redis.call('EXPIRE', current_key, size * 100)
end
return { 1, string.format('%.4f', used + 1), tostring(weight) }
