-- Job queues of the Laravel family: a list of ready jobs, sorted sets of delayed and reserved ones, a list that wakes workers.
-- Exercises: cjson.decode and encode of a job whose attempts grow, ZRANGEBYSCORE -inf, unpack in slices of 100, ZREMRANGEBYRANK, RPUSH of many.
--- push
redis.call('rpush', KEYS[1], ARGV[1])
redis.call('rpush', KEYS[2], 1)
--- pop
local job = redis.call('lpop', KEYS[1])
local reserved = false
if (job ~= false) then
  reserved = cjson.decode(job)
  reserved['attempts'] = reserved['attempts'] + 1
  reserved = cjson.encode({ reserved.id, reserved.attempts, reserved.delay, reserved.data })
  redis.call('zadd', KEYS[2], ARGV[1], reserved)
  redis.call('lpop', KEYS[3])
end
return { job, reserved }
--- release
redis.call('zrem', KEYS[2], ARGV[1])
redis.call('zadd', KEYS[1], ARGV[2], ARGV[1])
return true
--- migrate
local val = redis.call('zrangebyscore', KEYS[1], '-inf', ARGV[1], 'limit', 0, ARGV[2])
if (next(val) ~= nil) then
  redis.call('zremrangebyrank', KEYS[1], 0, #val - 1)
  for i = 1, #val, 100 do
    redis.call('rpush', KEYS[2], unpack(val, i, math.min(i + 99, #val)))
    for j = i, math.min(i + 99, #val) do
      redis.call('rpush', KEYS[3], 1)
    end
  end
end
return val
--- size
return redis.call('llen', KEYS[1]) + redis.call('zcard', KEYS[2]) + redis.call('zcard', KEYS[3])
--- clear
local size = redis.call('llen', KEYS[1]) + redis.call('zcard', KEYS[2]) + redis.call('zcard', KEYS[3])
redis.call('del', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
return size
