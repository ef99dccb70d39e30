-- Records packed as C structures, as telemetry and matching services keep them.
-- Exercises: struct formats in both byte orders, sizes, alignment, strings with s and c, floats and doubles, unpack positions, errors of short data.
--- pack
redis.call('APPEND', KEYS[1], struct.pack('>I2i4dBc0', ARGV[1], ARGV[2], ARGV[3], #ARGV[4], ARGV[4]))
return { redis.call('STRLEN', KEYS[1]), struct.size('>I2i4d'), struct.size('!8Bd') }
--- walk
local data, at, out = redis.call('GET', KEYS[1]), 1, {}
while at <= #data do
  local id, delta, value, name
  id, delta, value, name, at = struct.unpack('>I2i4dBc0', data, at)
  out[#out + 1] = { id, delta, tostring(value), name, at }
end
return out
--- formats
return { struct.pack('<h', 258), struct.pack('>h', 258), struct.pack('<i3', -2), struct.pack('s', 'text'), struct.pack('c3', 'abcdef'), struct.pack('<f', 1.5), struct.pack('>d', -2.25), struct.pack('bB', -1, 255), struct.pack('<!4bi', 1, 2), struct.pack('<l', 5), struct.pack('xB', 7) }
--- errors
local out = {}
for i, call in ipairs({
  function() local x = struct.unpack('<I4', 'abc') return x end,
  function() local x = struct.pack('q', 1) return x end,
  function() local x = struct.pack('<i99', 1) return x end,
  function() local x = struct.pack('!3i', 1) return x end,
  function() local x = struct.size('i99') return x end,
  function() local x = struct.pack('c9', 'short') return x end,
  function() local x = struct.unpack('s', 'no end') return x end,
}) do
  local ok, problem = pcall(call)
  out[i] = tostring(problem)
end
return out
