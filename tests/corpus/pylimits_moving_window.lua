-- Limiter libraries of the python limits family: a moving window as a list of times, the newest first.
-- Exercises: LINDEX at the limit, LPUSH in a loop, LTRIM, LRANGE walked from the end, nil and false in the conditions, floats as text.
--- acquire
local timestamp = tonumber(ARGV[1])
local limit = tonumber(ARGV[2])
local expiry = tonumber(ARGV[3])
local amount = tonumber(ARGV[4])
if amount > limit then return false end
local entry = redis.call('lindex', KEYS[1], limit - amount)
if entry and tonumber(entry) >= timestamp - expiry then return false end
local entries = {}
for i = 1, amount do entries[i] = ARGV[1] end
for i = 1, #entries, 5000 do
  redis.call('lpush', KEYS[1], unpack(entries, i, math.min(i + 4999, #entries)))
end
redis.call('ltrim', KEYS[1], 0, limit - 1)
redis.call('expire', KEYS[1], expiry * 100)
return true
--- window
local items = redis.call('lrange', KEYS[1], 0, tonumber(ARGV[2]) - 1)
local expiry, count, oldest = tonumber(ARGV[1]), 0, nil
for idx = 1, #items do
  if tonumber(items[idx]) >= expiry then
    count = count + 1
    if oldest == nil or tonumber(items[idx]) < oldest then oldest = tonumber(items[idx]) end
  else
    break
  end
end
return { tostring(oldest), count }
