-- Reliable queues: an element moves to a worker's own list and back if the worker dies; blocking commands do not block in scripts.
-- Exercises: LMOVE in each direction, BLPOP, BRPOPLPUSH and BLMOVE that return at once, LINSERT, LSET errors, LREM from the tail, LMPOP and ZMPOP replies.
--- take
local element = redis.call('LMOVE', KEYS[1], KEYS[2], 'RIGHT', 'LEFT')
if not element then return redis.status_reply('EMPTY') end
return { element, redis.call('LLEN', KEYS[1]), redis.call('LLEN', KEYS[2]) }
--- give_back
local moved = 0
while redis.call('LMOVE', KEYS[2], KEYS[1], 'LEFT', 'RIGHT') do moved = moved + 1 end
return moved
--- blocking
return { redis.call('BLPOP', KEYS[1], 0), redis.call('BRPOPLPUSH', KEYS[1], KEYS[2], 0), redis.call('BLMOVE', KEYS[1], KEYS[2], 'LEFT', 'LEFT', 0), redis.call('BZPOPMIN', KEYS[3], 0), 'end' }
--- edit
redis.call('LINSERT', KEYS[1], 'BEFORE', ARGV[1], ARGV[2])
local set = redis.pcall('LSET', KEYS[1], 99, 'x')
return { set.err, redis.call('LREM', KEYS[1], -1, ARGV[1]), redis.call('LMPOP', 2, KEYS[2], KEYS[1], 'LEFT', 'COUNT', 2) }
