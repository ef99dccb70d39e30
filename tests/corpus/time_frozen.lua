-- Limiters that read the clock themselves: deadlines made from TIME are as far away as they should be.
-- Exercises: TIME as strings, seconds and microseconds put together without loss, PEXPIREAT from TIME, keys that do not expire within a script, no replicate_commands needed.
--- twice
local a = redis.call('TIME')
local sum = 0
for i = 1, 20000 do sum = sum + i end
local b = redis.call('TIME')
return { type(a[1]), #a, a[1] <= b[1] and 1 or 0, tonumber(a[1]) > 1700000000 and 1 or 0, tonumber(a[2]) < 1000000 and 1 or 0 }
--- micros
local time = redis.call('TIME')
local micros = time[1] * 1000000 + time[2]
redis.call('SET', KEYS[1], micros)
local back = tonumber(redis.call('GET', KEYS[1]))
redis.call('DEL', KEYS[1])
return { back == micros and 1 or 0, string.format('%d', back) == string.format('%.0f', micros) and 1 or 0 }
--- deadline
local time = redis.call('TIME')
local millis = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('SET', KEYS[1], 'x', 'PXAT', millis + 100000)
local left = redis.call('PTTL', KEYS[1])
local due = redis.call('PEXPIRETIME', KEYS[1]) - millis
redis.call('PEXPIREAT', KEYS[1], millis - 5000)
return { math.abs(left - 100000) <= 5000 and 1 or left, due, redis.call('EXISTS', KEYS[1]) }
