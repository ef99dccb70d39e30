-- Semaphores and latches of the Redisson family: permits in a string, waiters told by a message.
-- Exercises: DECRBY under a condition, string to number comparison, PUBLISH with a number as message, true and false as replies.
--- init
local value = redis.call('get', KEYS[1])
if (value == false) then
  redis.call('set', KEYS[1], ARGV[1])
  redis.call('publish', KEYS[2], ARGV[1])
  return 1
end
return 0
--- acquire
local value = redis.call('get', KEYS[1])
if (value ~= false and tonumber(value) >= tonumber(ARGV[1])) then
  redis.call('decrby', KEYS[1], ARGV[1])
  return true
end
return false
--- release
local value = redis.call('incrby', KEYS[1], ARGV[1])
redis.call('publish', KEYS[2], value)
--- count_down
local v = redis.call('decr', KEYS[1])
if v <= 0 then redis.call('del', KEYS[1]) end
if v == 0 then return redis.call('publish', KEYS[2], ARGV[1]) end
return v
