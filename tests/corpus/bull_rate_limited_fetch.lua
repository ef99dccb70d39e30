-- Job queues of the BullMQ family: a fetch that a counter with a deadline holds back, pause and resume by renaming the list.
-- Exercises: INCR, PEXPIRE at the first, PTTL as a reply, RENAME under a condition, HEXISTS as a switch, RENAMENX, LPOS.
--- fetch
if redis.call('HEXISTS', KEYS[3], 'paused') == 1 then return { 'paused', redis.call('LLEN', KEYS[1]) } end
local used = tonumber(redis.call('GET', KEYS[2]) or 0)
if used >= tonumber(ARGV[1]) then return { 'limited', redis.call('PTTL', KEYS[2]) > 0 } end
local job = redis.call('RPOP', KEYS[1])
if not job then return 'empty' end
if redis.call('INCR', KEYS[2]) == 1 then redis.call('PEXPIRE', KEYS[2], ARGV[2]) end
return { 'job', job }
--- pause
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('RENAME', KEYS[1], KEYS[2]) end
if ARGV[1] == 'paused' then
  redis.call('HSET', KEYS[3], 'paused', 1)
else
  redis.call('HDEL', KEYS[3], 'paused')
end
return redis.status_reply(ARGV[1])
--- position
return { redis.call('LPOS', KEYS[1], ARGV[1]), redis.call('LPOS', KEYS[1], ARGV[1], 'COUNT', 0, 'MAXLEN', 10) }
