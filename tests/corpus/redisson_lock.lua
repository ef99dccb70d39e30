-- Locks of the Redisson family: a hash of owner and depth, reentrant, released with a message to those who wait.
-- Exercises: nil replies, HINCRBY on a hash with a deadline, PUBLISH from a script, PTTL of a foreign lock, 'or' chains of conditions.
--- lock
if ((redis.call('exists', KEYS[1]) == 0) or (redis.call('hexists', KEYS[1], ARGV[2]) == 1)) then
  redis.call('hincrby', KEYS[1], ARGV[2], 1)
  redis.call('pexpire', KEYS[1], ARGV[1])
  return nil
end
return redis.call('pttl', KEYS[1])
--- unlock
local val = redis.call('get', KEYS[3])
if val ~= false then return tonumber(val) end
if (redis.call('hexists', KEYS[1], ARGV[3]) == 0) then return nil end
local counter = redis.call('hincrby', KEYS[1], ARGV[3], -1)
if (counter > 0) then
  redis.call('pexpire', KEYS[1], ARGV[2])
  redis.call('set', KEYS[3], 0, 'px', ARGV[4])
  return 0
else
  redis.call('del', KEYS[1])
  redis.call('publish', KEYS[2], ARGV[1])
  redis.call('set', KEYS[3], 1, 'px', ARGV[4])
  return 1
end
--- renew
if (redis.call('hexists', KEYS[1], ARGV[2]) == 1) then redis.call('pexpire', KEYS[1], ARGV[1]) return 1 end return 0
--- force
if (redis.call('del', KEYS[1]) == 1) then redis.call('publish', KEYS[2], ARGV[1]) return 1 else return 0 end
