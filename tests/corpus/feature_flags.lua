-- Feature flags and experiments: a user falls into a bucket by a hash of the name, counted by variant.
-- Exercises: tonumber(…, 16) of sha1hex digits, modulo of large numbers, HGETALL into a table sorted by key, SRANDMEMBER-free determinism, math.random after math.randomseed.
--- variant
local flag = redis.call('HGETALL', KEYS[1])
local names, weight = {}, {}
for i = 1, #flag, 2 do
  names[#names + 1] = flag[i]
  weight[flag[i]] = tonumber(flag[i + 1])
end
table.sort(names)
local bucket = tonumber(redis.sha1hex(KEYS[1] .. ARGV[1]):sub(1, 8), 16) % 100
local sum = 0
for _, name in ipairs(names) do
  sum = sum + weight[name]
  if bucket < sum then
    redis.call('HINCRBY', KEYS[1] .. ':seen', name, 1)
    return { name, bucket }
  end
end
return { false, bucket }
--- random
math.randomseed(tonumber(ARGV[1]))
return { tostring(math.random()), math.random(100), math.random(5, 10), tostring(math.random()) }
--- unseeded
local n = math.random(1000000)
return n >= 1 and n <= 1000000
--- maths
return { math.floor(-3.5), math.ceil(-3.5), -7 % 3, 7 % -3, tostring(5.5 % 2), math.fmod(-7, 3), math.max(1, 5, 3), math.min(4, 2), tostring(math.pi), math.abs(-2), tostring(math.sqrt(2)), 2 ^ 10, math.floor(math.log(1000)), tostring(math.huge), tostring(-math.huge), math.modf(3.7), tostring(10 / 3) }
