-- Rate limit services of the limitador family: conditions are checked for all counters before any is raised.
-- Exercises: two passes over KEYS, MGET, a hash of counters told as pairs, SET with KEEPTTL, EXPIRE only when a counter is new, INCRBY by a delta.
--- check_and_update
local delta = tonumber(ARGV[1])
local values = redis.call('mget', unpack(KEYS))
local remaining = {}
for i, value in ipairs(values) do
  local left = tonumber(ARGV[i * 2]) - (tonumber(value or '0') or 0) - delta
  remaining[#remaining + 1] = left
  if left < 0 then return { i, left } end
end
for i, key in ipairs(KEYS) do
  if redis.call('incrby', key, delta) == delta then
    redis.call('expire', key, ARGV[i * 2 + 1])
  end
end
return { 0, remaining }
--- load
local out = {}
for i = 1, #KEYS do
  table.insert(out, redis.call('get', KEYS[i]))
  table.insert(out, redis.call('ttl', KEYS[i]) > 0 and 1 or 0)
end
return out
