-- API gateways of the Kong family: the counts of several windows in one hash, the last and the current weighed together.
-- Exercises: HINCRBY, HGET of a missing field, a loop over ARGV in steps, table.insert, nested array replies, HDEL of old fields.
--- increment
local out = {}
local now = tonumber(ARGV[1])
for i = 2, #ARGV, 2 do
  local size, limit = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
  local start = now - now % size
  local current = redis.call('HINCRBY', KEYS[1], size .. ':' .. start, 1)
  local before = tonumber(redis.call('HGET', KEYS[1], size .. ':' .. start - size)) or 0
  local estimate = before * (size - now % size) / size + current
  redis.call('HDEL', KEYS[1], size .. ':' .. start - 2 * size)
  table.insert(out, { size, current, before, tostring(estimate), estimate > limit and 'over' or 'under' })
end
redis.call('EXPIRE', KEYS[1], 86400)
return out
