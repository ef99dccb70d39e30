-- Idempotency keys of payment services: the first request owns the key, later ones wait, read its result, or are told of a conflict.
-- Exercises: status and error replies with codes of their own, HSETNX as the race, sha1hex fingerprints, HGETALL returned as it is, EXPIRE NX.
--- begin
local fingerprint = redis.sha1hex(ARGV[1])
if redis.call('HSETNX', KEYS[1], 'fingerprint', fingerprint) == 1 then
  redis.call('HSET', KEYS[1], 'state', 'running', 'owner', ARGV[2])
  redis.call('EXPIRE', KEYS[1], ARGV[3])
  return redis.status_reply('PROCEED')
end
local entry = redis.call('HMGET', KEYS[1], 'fingerprint', 'state', 'status', 'body')
if entry[1] ~= fingerprint then
  return redis.error_reply('CONFLICT the key was used for another request')
end
if entry[2] == 'running' then return { err = 'INPROGRESS try again later' } end
return { { ok = 'DONE' }, tonumber(entry[3]), entry[4] }
--- finish
if redis.call('HGET', KEYS[1], 'owner') ~= ARGV[1] then return { err = 'NOTOWNER' } end
redis.call('HSET', KEYS[1], 'state', 'done', 'status', ARGV[2], 'body', ARGV[3])
return { redis.call('EXPIRE', KEYS[1], 86400, 'NX'), redis.call('EXPIRE', KEYS[1], 86400, 'GT') }
