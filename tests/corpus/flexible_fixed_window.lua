-- Limiters of the rate-limiter-flexible family: SET NX EX, then INCRBY, then PTTL, all in one reply.
-- Exercises: SET NX whose failure is ignored, the reply of several calls gathered in a table, negative and fractional points, a -1 from PTTL.
--- consume
redis.call('set', KEYS[1], 0, 'EX', ARGV[2], 'NX')
local consumed = redis.call('incrby', KEYS[1], ARGV[1])
local ttl = redis.call('pttl', KEYS[1])
if ttl == -1 then
  redis.call('expire', KEYS[1], ARGV[2])
  ttl = 1000 * ARGV[2]
end
return { consumed, ttl }
--- penalty_and_block
local ttl = tonumber(ARGV[2])
if ttl > 0 then redis.call('set', KEYS[1], ARGV[1], 'PX', ttl) else redis.call('set', KEYS[1], ARGV[1]) end
return { redis.call('get', KEYS[1]), redis.call('pttl', KEYS[1]) }
