-- Leaderboards: the best N with a hash of details each, ties broken by who came first through a composed score.
-- Exercises: scores near 2^53 kept exact, HMGET in a loop, false inside arrays, cjson.encode of rows, math.floor and % to take the score apart, ZREVRANGEBYSCORE with LIMIT.
--- submit
local score = tonumber(ARGV[1]) * 4294967296 + (4294967295 - tonumber(ARGV[2]))
redis.call('ZADD', KEYS[1], score, ARGV[3])
redis.call('HSET', 'player:' .. ARGV[3], 'name', ARGV[4], 'at', ARGV[2])
return redis.call('ZSCORE', KEYS[1], ARGV[3])
--- top
local rows = {}
for rank, member in ipairs(redis.call('ZREVRANGE', KEYS[1], 0, ARGV[1] - 1)) do
  local score = tonumber(redis.call('ZSCORE', KEYS[1], member))
  local details = redis.call('HMGET', 'player:' .. member, 'name', 'country')
  rows[rank] = { rank, member, math.floor(score / 4294967296), 4294967295 - score % 4294967296, details[1], details[2] }
end
return rows
--- top_json
local rows = {}
for rank, member in ipairs(redis.call('ZREVRANGEBYSCORE', KEYS[1], '+inf', '-inf', 'LIMIT', 0, ARGV[1])) do
  rows[rank] = { member, redis.call('HGET', 'player:' .. member, 'name'), rank / 4 }
end
return cjson.encode(rows)
