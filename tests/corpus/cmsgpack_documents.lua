-- Documents kept as MessagePack, as session and queue libraries do.
-- Exercises: cmsgpack of integers of each width, floats, nested tables, arrays and maps, several values in one string, unpack_one and unpack_limit, strings of binary bytes.
--- store
local document = { tonumber(ARGV[1]), { 'a', 'b' }, { x = 1.25 } }
local packed = cmsgpack.pack(document)
redis.call('SET', KEYS[1], packed)
local back = cmsgpack.unpack(redis.call('GET', KEYS[1]))
return { back[1], back[2], tostring(back[3].x), #packed }
--- widths
local out = {}
for _, n in ipairs({ 0, 127, 128, 255, 256, 65535, 65536, 4294967295, 4294967296, -1, -32, -33, -128, -129, -32768, -32769, -2147483648, -2147483649, 1.5, 0.1, 1e300 }) do
  out[#out + 1] = cmsgpack.pack(n)
end
return out
--- several
local packed = cmsgpack.pack(1, 'two', { 3, 4 }, true, false, nil, '\0\255')
local one, offset = nil, 0
offset, one = cmsgpack.unpack_one(packed, 0)
local next_offset, first, second = cmsgpack.unpack_limit(packed, 2, 0)
return { packed, offset, one, next_offset, first, second, select('#', cmsgpack.unpack(packed)), { cmsgpack.unpack(packed) } }
--- damaged
local out = {}
for i, bytes in ipairs({ '\193', '\146\1', '\217', '\163ab', '' }) do
  local ok, problem = pcall(cmsgpack.unpack, bytes)
  out[i] = { tostring(ok), tostring(problem) }
end
return out
