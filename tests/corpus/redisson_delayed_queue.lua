-- Delayed queues of the Redisson family: packed elements in a list, their times in a sorted set, moved to a queue when due.
-- Exercises: struct.pack and struct.unpack with c0 and counts, ZRANGEBYSCORE LIMIT, LREM by value, WITHSCORES read back, PUBLISH.
--- offer
local value = struct.pack('Bc0Lc0', string.len(ARGV[2]), ARGV[2], string.len(ARGV[3]), ARGV[3])
redis.call('zadd', KEYS[2], ARGV[1], value)
redis.call('rpush', KEYS[3], value)
local head = redis.call('zrange', KEYS[2], 0, 0)
if head[1] == value then redis.call('publish', KEYS[4], ARGV[1]) end
return #value
--- transfer
local expired = redis.call('zrangebyscore', KEYS[2], 0, ARGV[1], 'limit', 0, ARGV[2])
if #expired > 0 then
  for i, v in ipairs(expired) do
    local id, value = struct.unpack('Bc0Lc0', v)
    redis.call('rpush', KEYS[1], value)
    redis.call('lrem', KEYS[3], 1, v)
  end
  redis.call('zrem', KEYS[2], unpack(expired))
end
local v = redis.call('zrange', KEYS[2], 0, 0, 'WITHSCORES')
if v[1] ~= nil then return v[2] end
return nil
--- remove
local items = redis.call('lrange', KEYS[3], 0, -1)
for i = 1, #items do
  local id, element = struct.unpack('Bc0Lc0', items[i])
  if element == ARGV[1] then
    redis.call('zrem', KEYS[2], items[i])
    redis.call('lrem', KEYS[3], 1, items[i])
    return 1
  end
end
return 0
