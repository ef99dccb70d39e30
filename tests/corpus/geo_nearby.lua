-- Couriers and shops nearby: places in a sorted set, the nearest free one is taken.
-- Exercises: GEOADD, GEOSEARCH with WITHCOORD and WITHDIST as nested replies, GEODIST as text, GEOPOS of a missing member, ZREM of a place, GEOHASH.
--- place
return redis.call('GEOADD', KEYS[1], ARGV[1], ARGV[2], ARGV[3])
--- nearest
local found = redis.call('GEOSEARCH', KEYS[1], 'FROMLONLAT', ARGV[1], ARGV[2], 'BYRADIUS', ARGV[3], 'km', 'ASC', 'COUNT', 5, 'WITHDIST')
for _, row in ipairs(found) do
  if redis.call('SADD', KEYS[2], row[1]) == 1 then
    return { row[1], row[2], math.floor(tonumber(row[2])) }
  end
end
return {}
--- describe
local out = { redis.call('GEOPOS', KEYS[1], ARGV[1], 'nobody'), redis.call('GEOHASH', KEYS[1], ARGV[1]) }
out[3] = redis.call('GEODIST', KEYS[1], ARGV[1], ARGV[2], 'm')
out[4] = redis.call('GEODIST', KEYS[1], ARGV[1], 'nobody')
return out
