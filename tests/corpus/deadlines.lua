-- Scripts that manage times to live: absolute deadlines read and moved, kept and dropped.
-- Exercises: PEXPIRETIME, EXPIRETIME, EXPIREAT with NX, XX, GT, LT, PERSIST, SET KEEPTTL, GETEX PERSIST, COPY and RENAME that keep deadlines, TTL codes -1 and -2.
--- info
return { redis.call('PEXPIRETIME', KEYS[1]), redis.call('EXPIRETIME', KEYS[1]), redis.call('TTL', KEYS[1]) > 0 and 1 or redis.call('TTL', KEYS[1]) }
--- move
local out = {}
for i, condition in ipairs({ 'NX', 'XX', 'GT', 'LT' }) do
  out[i] = { condition, redis.call('PEXPIREAT', KEYS[1], ARGV[i], condition), redis.call('PEXPIRETIME', KEYS[1]) }
end
return out
--- keep
redis.call('SET', KEYS[1], 'new', 'KEEPTTL')
local kept = redis.call('PEXPIRETIME', KEYS[1])
redis.call('COPY', KEYS[1], KEYS[2])
redis.call('RENAME', KEYS[1], KEYS[3])
redis.call('GETEX', KEYS[3], 'PERSIST')
return { kept, redis.call('PEXPIRETIME', KEYS[2]), redis.call('PEXPIRETIME', KEYS[3]), redis.call('PEXPIRETIME', KEYS[1]), redis.call('PERSIST', KEYS[2]), redis.call('PERSIST', KEYS[2]) }
--- past
return { redis.call('EXPIREAT', KEYS[1], 1), redis.call('EXISTS', KEYS[1]), redis.call('EXPIREAT', KEYS[1], 4000000000) }
