-- Leaderboards: days add up to a week, the finished week is archived and the next begins with a part of the score.
-- Exercises: ZUNIONSTORE with WEIGHTS and AGGREGATE and a computed number of keys, ZRANGESTORE REV, RENAME, EXPIREAT, ZREMRANGEBYRANK of all but the best, ZINTERCARD.
--- total
local args = { 'ZUNIONSTORE', KEYS[1], #KEYS - 1 }
for i = 2, #KEYS do args[#args + 1] = KEYS[i] end
args[#args + 1] = 'WEIGHTS'
for i = 2, #KEYS do args[#args + 1] = ARGV[i - 1] end
local count = redis.call(unpack(args))
return { count, redis.call('ZREVRANGE', KEYS[1], 0, -1, 'WITHSCORES') }
--- roll_over
if redis.call('EXISTS', KEYS[1]) == 0 then return 'nothing' end
redis.call('ZRANGESTORE', KEYS[2], KEYS[1], 0, ARGV[1] - 1, 'REV')
redis.call('EXPIREAT', KEYS[2], ARGV[2])
redis.call('ZUNIONSTORE', KEYS[1], 1, KEYS[1], 'WEIGHTS', ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(1')
return { redis.call('ZCARD', KEYS[1]), redis.call('ZCARD', KEYS[2]), redis.call('EXPIRETIME', KEYS[2]) }
--- both
return redis.call('ZINTERCARD', 2, KEYS[1], KEYS[2], 'LIMIT', 10)
