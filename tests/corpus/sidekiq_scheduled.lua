-- Job systems of the Sidekiq family: due jobs leave a sorted set one at a time, unique jobs are guarded by a digest.
-- Exercises: ZRANGE BYSCORE LIMIT with a reply of one, ZREM as a test, SET NX EX, cjson with nested arrays, sha1hex of an argument, HINCRBY statistics by day.
--- zpopbyscore
local key, now = KEYS[1], ARGV[1]
local jobs = redis.call("zrange", key, "-inf", now, "byscore", "limit", 0, 1)
if jobs[1] then
  redis.call("zrem", key, jobs[1])
  return jobs[1]
end
--- push_unique
local job = cjson.decode(ARGV[1])
local digest = redis.sha1hex(job.class .. ':' .. cjson.encode(job.args))
if not redis.call('SET', 'unique:' .. digest, job.jid, 'NX', 'EX', 86400) then
  return redis.call('GET', 'unique:' .. digest)
end
redis.call('SADD', 'queues', job.queue)
redis.call('LPUSH', 'queue:' .. job.queue, cjson.encode({ job.jid, job.class, job.args, job.retry }))
redis.call('HINCRBY', 'stat:' .. ARGV[2], 'enqueued', 1)
return digest
--- retry
local job = cjson.decode(ARGV[1])
job.retry_count = (job.retry_count or -1) + 1
local delay = job.retry_count ^ 4 + 15
redis.call('ZADD', KEYS[1], ARGV[2] + delay, job.jid)
return { delay, tostring(delay), redis.call('ZSCORE', KEYS[1], job.jid) }
