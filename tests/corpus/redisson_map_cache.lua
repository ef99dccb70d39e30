-- Map caches of the Redisson family: values packed with their idle time, deadlines and last access in sorted sets beside the hash.
-- Exercises: struct 'dLc0' with doubles and 64-bit lengths, math.huge, ZSCORE read as number, HSCAN-free eviction of expired fields, PUBLISH of packed events.
--- put
local value = struct.pack('dLc0', tonumber(ARGV[4]), string.len(ARGV[3]), ARGV[3])
local inserted = redis.call('hset', KEYS[1], ARGV[2], value)
if tonumber(ARGV[5]) > 0 then
  redis.call('zadd', KEYS[2], tonumber(ARGV[1]) + tonumber(ARGV[5]), ARGV[2])
else
  redis.call('zrem', KEYS[2], ARGV[2])
end
if tonumber(ARGV[4]) > 0 then
  redis.call('zadd', KEYS[3], tonumber(ARGV[1]) + tonumber(ARGV[4]), ARGV[2])
end
local message = struct.pack('Lc0Lc0', string.len(ARGV[2]), ARGV[2], string.len(ARGV[3]), ARGV[3])
redis.call('publish', KEYS[4], message)
return inserted
--- get
local value = redis.call('hget', KEYS[1], ARGV[2])
if value == false then return nil end
local t, val = struct.unpack('dLc0', value)
local expires = math.huge
local deadline = redis.call('zscore', KEYS[2], ARGV[2])
if deadline ~= false then expires = tonumber(deadline) end
if t ~= 0 then
  local idle = redis.call('zscore', KEYS[3], ARGV[2])
  if idle ~= false then
    if tonumber(idle) > tonumber(ARGV[1]) then
      redis.call('zadd', KEYS[3], t + tonumber(ARGV[1]), ARGV[2])
    end
    expires = math.min(expires, tonumber(idle))
  end
end
if expires <= tonumber(ARGV[1]) then return nil end
return { val, tostring(t), tostring(expires) }
--- evict
local keys = redis.call('zrangebyscore', KEYS[2], 0, ARGV[1], 'LIMIT', 0, ARGV[2])
for i, key in ipairs(keys) do
  local v = redis.call('hget', KEYS[1], key)
  if v ~= false then
    local t, val = struct.unpack('dLc0', v)
    redis.call('publish', KEYS[4], val)
  end
end
if #keys > 0 then
  redis.call('zrem', KEYS[3], unpack(keys))
  redis.call('zrem', KEYS[2], unpack(keys))
  redis.call('hdel', KEYS[1], unpack(keys))
end
return #keys
