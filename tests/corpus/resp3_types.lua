-- Scripts that speak RESP3 to the server: maps, sets, doubles, booleans and nulls in both directions.
-- Exercises: redis.setresp(3) and back to 2, map and set tables in replies, double tables, big_number and verbatim_string, ZSCORE and ZRANGE WITHSCORES as doubles, HGETALL as a map.
--- shapes
redis.setresp(3)
return { { map = { a = 1 } }, { set = { x = true } }, { double = 1.5 }, { big_number = '1234567890123456789012345' }, { verbatim_string = { format = 'txt', string = 'some text' } }, true, false }
--- inbound
redis.setresp(3)
local all = redis.call('HGETALL', KEYS[1])
local score = redis.call('ZSCORE', KEYS[2], 'm')
local members = redis.call('SMEMBERS', KEYS[3])
local missing = redis.call('GET', 'nothing')
local ranged = redis.call('ZRANGE', KEYS[2], 0, -1, 'WITHSCORES')
return { all.map.f, type(score), tostring(score.double), tostring(members.set.only), tostring(missing), tostring(ranged[1][2].double) }
--- passed_through
redis.setresp(3)
if ARGV[1] == 'hash' then return redis.call('HGETALL', KEYS[1]) end
if ARGV[1] == 'score' then return redis.call('ZSCORE', KEYS[2], 'm') end
if ARGV[1] == 'set' then return redis.call('SMEMBERS', KEYS[3]) end
redis.setresp(2)
if ARGV[1] == 'hash2' then return redis.call('HGETALL', KEYS[1]) end
if ARGV[1] == 'score2' then return redis.call('ZSCORE', KEYS[2], 'm') end
