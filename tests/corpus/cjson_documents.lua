-- Documents kept as JSON: fields read, changed and written in place.
-- Exercises: cjson numbers of each kind, null, nesting, unicode escapes, empty table as object, sparse arrays, invalid input, settings changed and seen by nobody else.
--- edit
local document = cjson.decode(redis.call('GET', KEYS[1]))
local holder = document
local path = {}
for name in ARGV[1]:gmatch('[^.]+') do path[#path + 1] = tonumber(name) or name end
for i = 1, #path - 1 do holder = holder[path[i]] end
local old = holder[path[#path]]
holder[path[#path]] = cjson.decode(ARGV[2])
if old == cjson.null then old = 'null' end
redis.call('SET', KEYS[1], cjson.encode(holder))
return { type(old), type(old) == 'table' and cjson.encode(old) or tostring(old), redis.call('GET', KEYS[1]) }
--- numbers
return cjson.encode({ 1, 1.5, -0.25, 1e15, 1e14, 123456789012345, 1e20, 1 / 3, 2 ^ 53, -1e-7, 100, 0 })
--- read
local out = {}
for i, text in ipairs(ARGV) do
  local ok, value = pcall(cjson.decode, text)
  out[i] = ok and cjson.encode({ value }) or value
end
return out
--- shapes
return { cjson.encode({}), cjson.encode({ {} }), cjson.encode({ 1, nil, 3 }), cjson.encode({ cjson.null }), cjson.encode('\0\1\n"\\/\127\195\169'), cjson.encode({ [1] = 'a', [2] = 'b' }), cjson.encode({ ['1'] = 'a' }), cjson.encode(true), cjson.encode(7) }
--- errors
local out = {}
for i, value in ipairs({ { [100] = 1 }, { [1.5] = 1 }, { f = print or tostring }, { 0 / 0 }, { 1 / 0 }, { [true] = 1 } }) do
  local ok, text = pcall(cjson.encode, value)
  out[i] = tostring(text)
end
cjson.encode_sparse_array(true)
out[#out + 1] = cjson.encode({ [12] = 1 })
return out
