-- Clients of the redis_rate family: the generic cell rate algorithm with floats relative to a fixed epoch.
-- Exercises: replicate_commands, SET EX with a computed time, negative numbers, tostring of fractions in the reply, GET of a float.
--- allow_n
redis.replicate_commands()
local burst, rate, period, cost = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local emission = period / rate
local increment = emission * cost
local tolerance = emission * burst
local epoch = 1483228800
local now = ARGV[5] - epoch
local tat = redis.call('GET', KEYS[1])
if not tat then tat = now else tat = tonumber(tat) end
tat = math.max(tat, now)
local new_tat = tat + increment
local diff = now - (new_tat - tolerance)
local remaining = diff / emission
if remaining < 0 then
  return { 0, 0, tostring(tat - now - tolerance + increment), tostring(tat - now) }
end
local reset = new_tat - now
if reset > 0 then
  redis.call('SET', KEYS[1], new_tat, 'EX', math.ceil(reset) + 3600)
end
return { cost, remaining, '-1', tostring(reset) }
--- at_most
redis.replicate_commands()
local emission = ARGV[3] / ARGV[2]
local now = ARGV[5] - 1483228800
local tat = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local left = math.floor((now - tat) / emission + ARGV[1])
if left < 1 then
  return { 0, 0, tostring(tat + emission - now - emission * ARGV[1]), tostring(tat - now) }
end
local cost = math.min(left, tonumber(ARGV[4]))
tat = tat + emission * cost
redis.call('SET', KEYS[1], tat, 'EX', 3600)
return { cost, left - cost, '-1', tostring(tat - now) }
