-- Limiter libraries of the python limits family: a fixed window in a counter, and a sweep of all keys of one prefix.
-- Exercises: INCRBY and EXPIRE when the counter equals the amount, KEYS inside a script, DEL by unpack in slices of 5,000, a nil when there is nothing.
--- incr_expire
local current
local amount = tonumber(ARGV[2])
current = redis.call("incrby", KEYS[1], amount)
if tonumber(current) == amount then
  redis.call("expire", KEYS[1], ARGV[1])
end
return current
--- clear_keys
local keys = redis.call('keys', KEYS[1])
local res = 0
for i = 1, #keys, 5000 do
  res = res + redis.call('del', unpack(keys, i, math.min(i + 4999, #keys)))
end
return res
