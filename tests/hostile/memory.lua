# Scripts that want more memory or a larger stack than there is: they end with an error by themselves.

--- rep => error memory limit
return string.rep('x', 1e9)
--- rep of a long text => error not enough memory
local s = string.rep('x', 1e6) return string.rep(s, 1e5)
--- rep past every size => error not enough memory
return string.rep('abc', 2147483647)
--- doubling => error memory limit
local s = 'x' while true do s = s .. s end
--- doubling in pcall => error memory limit
local s = 'x' while true do local ok, r = pcall(function() return s .. s end) if ok then s = r else error(r) end end
--- concat => error memory limit
local t, s = {}, string.rep('x', 1e6) for i = 1, 1e4 do t[i] = s end return table.concat(t)
--- concat with a long separator => error memory limit
local t = {} for i = 1, 1e4 do t[i] = '' end return table.concat(t, string.rep('x', 1e6))
--- format => error memory limit
local s = string.rep('x', 5e6) return string.format('%s%s%s%s%s%s%s%s%s%s', s, s, s, s, s, s, s, s, s, s)
--- upper and its kind => error memory limit
local s = string.rep('x', 9e6) return s:upper() .. s:reverse():lower() .. s:rep(2)
--- gsub => error memory limit
return (string.gsub(string.rep('x', 1e5), '.', string.rep('y', 1e5)))
--- gsub by a function => error memory limit
local y = string.rep('y', 1e5) return (string.gsub(string.rep('x', 1e5), '.', function() return y end))
--- gsub by captures => error memory limit
return (string.gsub(string.rep('x', 1e5), '.+', string.rep('%0', 1e5)))
--- tables in a table => error memory limit
local t = {} while true do t[#t + 1] = {} end
--- numbers in a table => error memory limit
local t = {} for i = 1, 1e9 do t[i] = i end
--- keys in a table => error memory limit
local t = {} for i = 1, 1e9 do t['k' .. i] = i end
--- closures => error memory limit
local t = {} while true do t[#t + 1] = function() return t end end
--- coroutines => error memory limit
local t = {} while true do t[#t + 1] = coroutine.create(function() coroutine.yield() end) coroutine.resume(t[#t]) end
--- one table in many places of a document => error memory limit
local t = {1} for i = 1, 40 do t = {t, t} end return cjson.encode(t)
--- one text in many places of a document => error memory limit
local s, t = string.rep('x', 1e6), {} for i = 1, 1e3 do t[i] = s end return cjson.encode(t)
--- an array of a hole => error memory limit
cjson.encode_sparse_array(false, 0) return cjson.encode({[2147483646] = 1})
--- a document of many values => error memory limit
return #cjson.decode('[' .. string.rep('1,', 4000000) .. '1]')
--- many values in a pack => error memory limit
return #{cmsgpack.unpack(string.rep('\1', 4000000))}
--- one table in many places of a pack => error memory limit
local t = {} for i = 1, 100 do t[i] = 1 end for i = 1, 8 do local u = {} for j = 1, 100 do u[j] = t end t = u end return cmsgpack.pack(t)
--- a pack of one text many times => error memory limit
local s, t = string.rep('x', 1e6), {} for i = 1, 200 do t[i] = s end return struct.pack(string.rep('c0', 200), unpack(t))
--- a reply of a command => error memory limit
redis.call('SET', KEYS[1], string.rep('x', 9000000)) local t = {} for i = 1, 10 do t[i] = redis.call('GET', KEYS[1]) .. i end
--- a reply of many large values => error memory limit
redis.call('SET', KEYS[1], string.rep('x', 5000000)) return #redis.call('MGET', KEYS[1], KEYS[1], KEYS[1], KEYS[1], KEYS[1], KEYS[1], KEYS[1], KEYS[1], KEYS[1])
--- a reply in which one table stands in many places => error reply is too large
local t = {1} for i = 1, 60 do t = {t, t} end return t
--- a reply in which one text stands in many places => error reply is too large
local s, t = string.rep('x', 1e6), {} for i = 1, 1e5 do t[i] = s end return t
--- unpack of too much => error too many results to unpack
return unpack({}, 1, 1e8)
--- unpack of all there is => error too many results to unpack
return unpack({}, -1e9, 1e9)
--- bytes of too much => error string slice too long
return string.byte(string.rep('x', 1e6), 1, -1)
--- recursion => error stack overflow
local function f() return 1 + f() end return f()
--- recursion by metamethods => error
local t = setmetatable({}, {}) getmetatable(t).__index = function(x) return x.y .. 'z' end return t.y
--- recursion by pcall => error
local function f() local ok, e = pcall(f) error(e, 0) end return f()
--- recursion by gsub => error stack overflow
local function f(s) return (s:gsub('.', f)) end return f('x')
--- recursion by sort => error
local function f(a, b) table.sort({1, 2, 3}, f) return a < b end return f(1, 2)
--- recursion by format => error
local t = setmetatable({}, {}) getmetatable(t).__tostring = function(x) return string.format('%s', x) end return string.format('%s', t)
--- recursion by coroutines => error
local function f() local c = coroutine.wrap(f) return c() end return f()
--- recursion by resumed coroutines => error
local function f() local c = coroutine.create(f) local ok, e = coroutine.resume(c) error(e, 0) end return f()
--- a chain of coroutines made before => error
local t = {} for i = 1, 20000 do local n = i t[i] = coroutine.create(function() local ok, e = coroutine.resume(t[n + 1]) error(e, 0) end) end
local ok, e = coroutine.resume(t[1]) error(e, 0)
--- a chain of __index => error
local t = {} for i = 1, 200 do t = setmetatable({}, {__index = t}) end return t.x
--- a deep document => error nesting
local t = {} for i = 1, 50000 do t = {t} end return cjson.encode(t)
--- a deep text of JSON => error too many nested
return cjson.decode(string.rep('[', 50000))
--- a deep pack => error Bad data format
return cmsgpack.unpack(string.rep('\145', 50000) .. '\1')
--- a pack that says it is long => error Missing bytes
return cmsgpack.unpack('\221\255\255\255\255\1')
--- deep code => error chunk has too many syntax levels
return assert(loadstring('return ' .. string.rep('(', 10000) .. string.rep(')', 10000)))
--- a pattern of too many items => error pattern too complex
return string.find(string.rep('a', 30000), string.rep('a?', 30000))
--- too many captures => error too many captures
return string.find('x', string.rep('()', 40))
--- too many arguments => error
return redis.call('MSET', unpack({}, 1, 7999))
--- an error of a megabyte => error xxxx
error(string.rep('x', 1e6))
--- a text without an end for load => error script memory limit reached
load(function() return ' ' end)
