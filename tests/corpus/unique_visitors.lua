-- Visitor counters: sets by day, exact counts of unions and intersections, membership of many at once.
-- Exercises: SADD by unpack, SMISMEMBER, SUNIONSTORE into a temporary key, SINTERCARD LIMIT, SDIFF sorted in Lua by table.sort with a comparator, EXPIRE.
--- visit
local fresh = redis.call('SADD', KEYS[1], unpack(ARGV))
redis.call('EXPIRE', KEYS[1], 86400 * 30)
return { fresh, redis.call('SCARD', KEYS[1]) }
--- seen
return redis.call('SMISMEMBER', KEYS[1], unpack(ARGV))
--- week
local count = redis.call('SUNIONSTORE', 'tmp:union', unpack(KEYS))
redis.call('DEL', 'tmp:union')
return { count, redis.call('SINTERCARD', #KEYS, unpack(KEYS)) }
--- churned
local gone = redis.call('SDIFF', KEYS[1], KEYS[2])
table.sort(gone, function(a, b) return a > b end)
return gone
