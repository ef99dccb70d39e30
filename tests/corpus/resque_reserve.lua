-- Job systems of the Resque family: queues in a set, tried in order, with workers registered in hashes.
-- Exercises: a generic for over SORT ALPHA of a set, LPOP of several queues, SREM when empty, goto-free control flow, numeric for downwards, the # operator on replies.
--- reserve
local queues = redis.call('SORT', KEYS[1], 'ALPHA')
for i = #queues, 1, -1 do
  local name = 'queue:' .. queues[i]
  local job = redis.call('LPOP', name)
  if job then
    redis.call('HSET', KEYS[2], ARGV[1], job)
    if redis.call('LLEN', name) == 0 then redis.call('SREM', KEYS[1], queues[i]) end
    return { queues[i], job }
  end
end
return false
--- done
local job = redis.call('HGET', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[1], ARGV[1])
return { job, redis.call('INCR', KEYS[2]), redis.call('EXISTS', KEYS[1]) }
