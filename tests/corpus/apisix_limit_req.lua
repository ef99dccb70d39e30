-- API gateways of the APISIX and nginx family: a leaky bucket that keeps the excess and the last time in two keys.
-- Exercises: MGET with missing keys, math.abs, floats stored as text and read back, a number truncated in the reply beside its text.
--- incoming
local excess_key, last_key = KEYS[1], KEYS[2]
local rate, burst, now, commit = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == '1'
local values = redis.call('mget', excess_key, last_key)
local excess = 0
if values[1] and values[2] then
  local elapsed = now - tonumber(values[2])
  excess = math.max(tonumber(values[1]) - rate * math.abs(elapsed) / 1000 + 1000, 0)
  if excess > burst then
    return { 'rejected', tostring(excess) }
  end
end
if commit then
  local seconds = math.ceil(burst / rate) + 3600
  redis.call('set', excess_key, excess, 'ex', seconds)
  redis.call('set', last_key, now, 'ex', seconds)
end
return { 'ok', excess / rate, tostring(excess / rate) }
