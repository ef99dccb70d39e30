-- API gateways of the APISIX family: a fixed window that counts down from the limit.
-- Exercises: TTL sent back beside the count, SET EX, DECRBY below zero, assert on an argument.
--- count
assert(tonumber(ARGV[3]) >= 1, "cost must be at least 1")
local ttl = redis.call('ttl', KEYS[1])
if ttl < 0 then
  redis.call('set', KEYS[1], ARGV[1] - ARGV[3], 'EX', ARGV[2])
  return { ARGV[1] - ARGV[3], tonumber(ARGV[2]) }
end
return { redis.call('incrby', KEYS[1], 0 - ARGV[3]), ttl }
