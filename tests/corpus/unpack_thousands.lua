-- Bulk loaders: thousands of values pushed, read and deleted by one call each.
-- Exercises: unpack of 7,000 values, thousands of ARGV, table.concat of many, select('#'), LRANGE of thousands summed, the error for too many results.
--- load
local values = {}
for i = 1, tonumber(ARGV[1]) do values[i] = i end
redis.call('RPUSH', KEYS[1], unpack(values))
redis.call('SADD', KEYS[2], unpack(values))
local pairs_ = {}
for i = 1, tonumber(ARGV[1]) / 2 do pairs_[2 * i - 1] = i pairs_[2 * i] = 'm' .. i end
redis.call('ZADD', KEYS[3], unpack(pairs_))
return { redis.call('LLEN', KEYS[1]), redis.call('SCARD', KEYS[2]), redis.call('ZCARD', KEYS[3]) }
--- sum
local total = 0
for _, value in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do total = total + value end
return { total, #table.concat(redis.call('LRANGE', KEYS[1], 0, -1), ','), select('#', unpack(redis.call('LRANGE', KEYS[1], 0, -1))) }
--- too_many
local ok, problem = pcall(unpack, {}, 1, 1e8)
return { tostring(ok), tostring(problem) }
--- argc
return { #ARGV, #KEYS, ARGV[#ARGV] }
