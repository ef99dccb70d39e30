-- Scripts that declare no key at all and build every name themselves.
-- Exercises: keys from cjson arguments, keys from values read before, empty key names, keys with braces and binary bytes, a key in KEYS that is not used, SELECT inside a script.
--- follow
local name = ARGV[1]
local steps = 0
while true do
  local next_name = redis.call('GET', name)
  if not next_name then return { name, steps } end
  name = next_name
  steps = steps + 1
end
--- write_all
local n = 0
for _, pair in ipairs(cjson.decode(ARGV[1])) do
  redis.call('SET', pair[1], pair[2])
  n = n + 1
end
return n
--- elsewhere
redis.call('SELECT', ARGV[1])
redis.call('SET', 'there', ARGV[2])
return redis.call('DBSIZE')
