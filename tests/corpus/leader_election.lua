-- Leases and leader election: the leader renews, another may take over, a fencing token grows with every change.
-- Exercises: SET with GET and NX, INCR of a fencing token, tonumber compared with numbers from replies, multiple return values of a local function, string equality.
--- campaign
local function current()
  return redis.call('HGET', KEYS[1], 'leader'), tonumber(redis.call('HGET', KEYS[1], 'until') or 0)
end
local leader, lease = current()
local now, duration = tonumber(ARGV[2]), tonumber(ARGV[3])
if leader and leader ~= ARGV[1] and lease > now then
  return { 0, leader, lease - now }
end
if leader ~= ARGV[1] then redis.call('HINCRBY', KEYS[1], 'term', 1) end
redis.call('HSET', KEYS[1], 'leader', ARGV[1], 'until', now + duration)
return { 1, ARGV[1], tonumber(redis.call('HGET', KEYS[1], 'term')) }
--- write
local fence = tonumber(redis.call('HGET', KEYS[2], 'fence') or -1)
if tonumber(ARGV[1]) < fence then return redis.error_reply('FENCED ' .. fence) end
redis.call('HSET', KEYS[2], 'fence', ARGV[1], 'value', ARGV[2])
return redis.status_reply('OK')
--- claim
local before = redis.call('SET', KEYS[1], ARGV[1], 'NX', 'GET', 'PX', 3600000)
return { before, type(before), redis.call('GET', KEYS[1]) }
