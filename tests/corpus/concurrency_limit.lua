-- Concurrency limiters of payment APIs: running requests in a sorted set by start, the stuck ones dropped.
-- Exercises: ZREMRANGEBYSCORE, ZCARD, ZADD NX, ZREM on the way out, ZSCORE as a membership test, multiple assignment from unpack(ARGV).
--- enter
local id, now, limit, ttl = unpack(ARGV)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ttl)
if redis.call('ZSCORE', KEYS[1], id) then return 'already' end
if redis.call('ZCARD', KEYS[1]) >= tonumber(limit) then return false end
return redis.call('ZADD', KEYS[1], 'NX', now, id)
--- leave
return redis.call('ZREM', KEYS[1], ARGV[1])
