-- Session stores of web frameworks: a session with sliding expiry, an index by user, a limit of sessions for each user.
-- Exercises: GETEX, SETEX, ZADD XX and NX, ZRANGE with negative ranks, DEL of derived keys, HGETALL turned into a map by hand, cjson objects with one key.
--- create
redis.call('SETEX', 'session:' .. ARGV[1], 3600, cjson.encode({ user = ARGV[2] }))
redis.call('ZADD', KEYS[1], 'NX', ARGV[3], ARGV[1])
local surplus = redis.call('ZRANGE', KEYS[1], 0, -(tonumber(ARGV[4]) + 1))
for _, id in ipairs(surplus) do redis.call('DEL', 'session:' .. id) end
if #surplus > 0 then redis.call('ZREM', KEYS[1], unpack(surplus)) end
return surplus
--- touch
local data = redis.call('GETEX', 'session:' .. ARGV[1], 'PXAT', ARGV[3])
if not data then
  redis.call('ZREM', KEYS[1], ARGV[1])
  return nil
end
redis.call('ZADD', KEYS[1], 'XX', ARGV[2], ARGV[1])
return { cjson.decode(data).user, redis.call('PEXPIRETIME', 'session:' .. ARGV[1]) }
--- logout_everywhere
local count = 0
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  count = count + redis.call('DEL', 'session:' .. id)
end
redis.call('DEL', KEYS[1])
return count
