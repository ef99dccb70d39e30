-- Leaderboards: a player's rank with the neighbours above and below, in one call.
-- Exercises: ZREVRANK that may be false, math.max on ranks, ZREVRANGE WITHSCORES split into rows, nested arrays, ZADD GT and CH.
--- submit
local changed = redis.call('ZADD', KEYS[1], 'GT', 'CH', ARGV[1], ARGV[2])
return { changed, redis.call('ZREVRANK', KEYS[1], ARGV[2]) + 1, redis.call('ZCARD', KEYS[1]) }
--- around
local rank = redis.call('ZREVRANK', KEYS[1], ARGV[1])
if not rank then return redis.error_reply('NOPLAYER ' .. ARGV[1]) end
local span = tonumber(ARGV[2])
local first = math.max(0, rank - span)
local rows, flat = {}, redis.call('ZREVRANGE', KEYS[1], first, rank + span, 'WITHSCORES')
for i = 1, #flat, 2 do
  rows[#rows + 1] = { first + (i + 1) / 2, flat[i], tonumber(flat[i + 1]) }
end
return rows
--- percentile
local below = redis.call('ZCOUNT', KEYS[1], '-inf', '(' .. ARGV[1])
return string.format('%.2f', 100 * below / math.max(1, redis.call('ZCARD', KEYS[1])))
