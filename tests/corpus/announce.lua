-- Scripts that tell others what they did: cache invalidation, chat, dashboards.
-- Exercises: PUBLISH between writes with messages in order, SPUBLISH, replies of PUBLISH, RPUSH and LPOP of one list in one script.
--- push_and_take
redis.call('RPUSH', KEYS[1], 'x', 'y')
local taken = redis.call('LPOP', KEYS[1])
return { taken, redis.call('LLEN', KEYS[1]) }
--- announce
return { redis.call('PUBLISH', ARGV[1], 'one'), redis.call('SET', KEYS[1], 1), redis.call('PUBLISH', ARGV[1], 'two'), redis.call('SPUBLISH', 'shard', 'x') }
