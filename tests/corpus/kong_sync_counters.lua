-- API gateways of the Kong family: nodes push the differences of their local counters in one call and read the sums.
-- Exercises: many keys at once, EXISTS before INCRBY, EXPIREAT, MGET by unpack(KEYS), an early return from a loop by error.
--- sync
for i = 1, #KEYS do
  local by = tonumber(ARGV[i * 2 - 1])
  if not by then
    return redis.error_reply('ERR counter ' .. i .. ' is not a number')
  end
  local fresh = redis.call('EXISTS', KEYS[i]) == 0
  redis.call('INCRBY', KEYS[i], by)
  if fresh then
    redis.call('EXPIREAT', KEYS[i], ARGV[i * 2])
  end
end
return redis.call('MGET', unpack(KEYS))
