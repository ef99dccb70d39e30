-- Maintenance scripts: SCAN and KEYS inside a script, sweeping by pattern, type and age.
-- Exercises: a repeat loop over cursors as strings, SCAN with MATCH, COUNT and TYPE, HSCAN and ZSCAN and SSCAN, KEYS with classes, results sorted since their order is nobody's promise.
--- sweep
local cursor, found = '0', {}
repeat
  local reply = redis.call('SCAN', cursor, 'MATCH', ARGV[1], 'COUNT', 7)
  cursor = reply[1]
  for _, key in ipairs(reply[2]) do found[key] = true end
until cursor == '0'
local keys = {}
for key in pairs(found) do keys[#keys + 1] = key end
table.sort(keys)
for _, key in ipairs(keys) do redis.call('DEL', key) end
return keys
--- fill
for i = 1, ARGV[1] do redis.call('SET', KEYS[1] .. i, i) end
return redis.call('DBSIZE')
--- by_type
local reply = redis.call('SCAN', 0, 'TYPE', ARGV[1], 'COUNT', 1000)
table.sort(reply[2])
return { type(reply[1]), reply[1], reply[2] }
--- inner
local out = {}
for i, command in ipairs({ 'HSCAN', 'SSCAN', 'ZSCAN' }) do
  local reply = redis.call(command, KEYS[i], 0, 'MATCH', 'a*', 'COUNT', 100)
  table.sort(reply[2])
  out[i] = reply
end
return out
--- keys
local keys = redis.call('KEYS', ARGV[1])
table.sort(keys)
return keys
