-- Debouncing and deduplication of events: the last value wins, repeats within a window are dropped.
-- Exercises: SET with GET, GETDEL, GETSET of a missing key, SETNX, RENAMENX, MSETNX all or nothing, OBJECT ENCODING, TYPE as a status table.
--- push
local before = redis.call('SET', KEYS[1], ARGV[1], 'GET')
if before == ARGV[1] then return { 'same', before } end
redis.call('RPUSH', KEYS[2], ARGV[1])
return { 'changed', before }
--- settle
local last = redis.call('GETDEL', KEYS[1])
if not last then return nil end
local length = redis.call('LLEN', KEYS[2])
redis.call('DEL', KEYS[2])
return { last, length }
--- once
return { redis.call('SETNX', KEYS[1], 1), redis.call('MSETNX', KEYS[1], 2, KEYS[2], 2), redis.call('MSETNX', KEYS[2], 2, KEYS[3], 3), redis.call('RENAMENX', KEYS[2], KEYS[3]) }
--- kinds
local out = {}
for i, key in ipairs(KEYS) do
  out[i] = { redis.call('TYPE', key).ok, redis.call('TYPE', key), redis.call('OBJECT', 'ENCODING', key) }
end
return out
