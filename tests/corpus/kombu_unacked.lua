-- Task queues of the Celery and Kombu family: messages taken but not acknowledged are restored after a time, at either end.
-- Exercises: ZREVRANGEBYSCORE with a float cutoff, HGET then cjson.decode of a triple, nested JSON strings put back as they were, LPUSH or RPUSH by a flag, HDEL and ZREM together.
--- deliver
local message = redis.call('RPOP', KEYS[1])
if not message then return nil end
local payload = cjson.decode(message)
local tag = payload.properties.delivery_tag
redis.call('ZADD', KEYS[2], ARGV[1], tag)
redis.call('HSET', KEYS[3], tag, cjson.encode({ message, payload.properties.delivery_info.exchange, payload.properties.delivery_info.routing_key }))
return { tag, payload.body }
--- ack
redis.call('ZREM', KEYS[1], ARGV[1])
return redis.call('HDEL', KEYS[2], ARGV[1])
--- restore_visible
local restored = 0
for _, tag in ipairs(redis.call('ZREVRANGEBYSCORE', KEYS[1], ARGV[1], 0, 'LIMIT', 0, ARGV[2])) do
  local raw = redis.call('HGET', KEYS[2], tag)
  if raw then
    local message = cjson.decode(raw)
    if ARGV[3] == '1' then redis.call('RPUSH', message[3], message[1]) else redis.call('LPUSH', message[3], message[1]) end
    restored = restored + 1
  end
  redis.call('HDEL', KEYS[2], tag)
  redis.call('ZREM', KEYS[1], tag)
end
return restored
