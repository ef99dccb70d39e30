# Scripts without an end: stopped by script-max-time and by SCRIPT KILL. A part begins with `---`, its name, `=>` and how it ends.

--- a plain loop => stops
while true do end
--- repeat => stops
repeat until false
--- a numeric loop => stops
for i = 1, math.huge do end
--- tail calls => stops
local function again() return again() end return again()
--- a loop in pcall => stops
while true do pcall(function() while true do end end) end
--- pcall in pcall => stops
local function f() while true do pcall(pcall, pcall, f) end end f()
--- an xpcall handler => stops
while true do xpcall(function() error('x') end, function() while true do end end) end
--- an xpcall body and its handler => stops
while true do xpcall(function() while true do end end, function() while true do end end) end
--- a coroutine => stops
while true do coroutine.wrap(function() while true do end end)() end
--- coroutines three deep => stops
local function inner() while true do end end
local function middle() while true do coroutine.resume(coroutine.create(inner)) end end
local function outer() while true do pcall(coroutine.wrap(middle)) end end
while true do coroutine.resume(coroutine.create(outer)) end
--- a coroutine that yields for ever => stops
local c = coroutine.wrap(function() while true do coroutine.yield(1) end end) while true do c() end
--- a comparator => stops
table.sort({3, 2, 1}, function() while true do end end)
--- a comparator in pcall => stops
while true do pcall(table.sort, {3, 2, 1}, function() while true do end end) end
--- a comparator without an order => stops
local n = 0 while true do local t = {} for i = 1, 100 do t[i] = i end pcall(table.sort, t, function() n = n + 1 return n % 3 == 0 end) end
--- a callback of gsub => stops
string.gsub('abc', '.', function() while true do end end)
--- a callback of gsub in pcall => stops
while true do pcall(string.gsub, 'abc', '.', function() while true do end end) end
--- a table of gsub => stops
string.gsub('abc', '.', setmetatable({}, {__index = function() while true do end end}))
--- __index => stops
return setmetatable({}, {__index = function() while true do end end}).x
--- __newindex => stops
setmetatable({}, {__newindex = function() while true do end end}).x = 1
--- __call => stops
setmetatable({}, {__call = function() while true do end end})()
--- __concat => stops
return setmetatable({}, {__concat = function() while true do end end}) .. 'x'
--- __eq => stops
local m = {__eq = function() while true do end end} return setmetatable({}, m) == setmetatable({}, m)
--- __lt in sort => stops
local m = {__lt = function() while true do end end} table.sort({setmetatable({}, m), setmetatable({}, m)})
--- __tostring => stops
return tostring(setmetatable({}, {__tostring = function() while true do end end}))
--- calls without an end => stops
while true do redis.call('GET', KEYS[1]) end
--- failing calls => stops
while true do redis.pcall('NOSUCH') pcall(redis.call, 'NOSUCH') end
--- loaded code => stops
loadstring('while true do end')()
--- load's reader => stops
load(function() while true do end end)
--- table.foreach => stops
table.foreach({1}, function() while true do end end)
--- a list that grows while it is walked => stops
local t = {1} for i in ipairs(t) do t[i + 1] = 1 t[i] = nil end
--- an iterator that never ends => stops
for _ in function() return 1 end do end
--- gmatch again and again => stops
while true do for w in string.gmatch('a b c', '%a+') do end end
--- table.insert far below the first => stops
table.insert({}, -2147483648, 1)
--- garbage collections => stops
while true do collectgarbage() end
--- errors caught for ever => stops
while true do pcall(error, {}) pcall(error, nil) pcall(error) end
--- cjson for ever => stops
while true do cjson.decode(cjson.encode({1, {2}, {a = 3}})) end
--- a pattern of lazy items => stops
return string.find(string.rep('a', 60), string.rep('(.-)', 20) .. 'b')
--- a pattern of greedy items => stops
return string.find(string.rep('a', 60), string.rep('a*', 30) .. 'b')
--- a pattern of optional items => stops
return string.match(string.rep('a', 40), string.rep('a?', 40) .. string.rep('a', 40) .. 'b')
--- a pattern in gsub => stops
return (string.gsub(string.rep('a', 60), string.rep('.-', 12) .. 'b', ''))
--- a pattern in gmatch => stops
for _ in string.gmatch(string.rep('a', 60), string.rep('.-', 12) .. 'b') do end
--- a pattern in pcall => stops
while true do pcall(string.find, string.rep('a', 60), string.rep('.-', 12) .. 'b') end
--- balanced parts => stops
return string.find(string.rep('(', 3000000), '%b()')
--- a long set on a long text => stops
return string.find(string.rep('a', 1000000), '[' .. string.rep('b', 1000000) .. ']')
--- a replacement that is read again and again => stops
return (string.gsub(string.rep('a', 3000000), 'a(b?)', string.rep('%1', 1000000)))
--- an array made against quicksort => stops
local n = 400000 local t, gas, solid, c = {}, n, 0, 0
for i = 1, n do t[i] = i end
local keys, ids = {}, {} for i = 1, n do ids[i] = i end
table.sort(ids, function(a, b)
  if not keys[a] and not keys[b] then if a == c then keys[a] = solid else keys[b] = solid end solid = solid + 1 end
  if not keys[a] then c = a elseif not keys[b] then c = b end
  return (keys[a] or n) < (keys[b] or n)
end)
--- a sort of builtins => stops
while true do local t = {} for i = 1, 1000 do t[i] = 'k' .. i end pcall(table.sort, t, string.find) end
--- overflows of the stack, caught for ever => stops
local function f() while true do pcall(f) end end f()
--- overflows in handlers and coroutines => stops
local function f() while true do xpcall(f, f) coroutine.resume(coroutine.create(f)) end end f()
--- digests of a long text => stops
local s = string.rep('x', 8e6) while true do local d = redis.sha1hex(s) end
--- digests of a text of medium length => stops
local s = string.rep('x', 8000) while true do local d = redis.sha1hex(s) d = redis.sha1hex(s) d = redis.sha1hex(s) d = redis.sha1hex(s) end
--- upper and lower => stops
local s = string.rep('x', 8e6) while true do local u = s:upper() u = s:lower() end
--- reverse => stops
local s = string.rep('x', 8e6) while true do local r = s:reverse() end
--- a long text and one byte more => stops
local s = string.rep('x', 8e6) while true do local t = s .. 'y' end
--- parts of a long text => stops
local s = string.rep('x', 8e6) while true do local t = s:sub(2) end
--- rep made again and again => stops
while true do local s = string.rep('x', 8e6) end
--- format of a long text => stops
local s = string.rep('x', 8e6) while true do local t = string.format('%s', s) end
--- format of a long quoted text => stops
local s = string.rep('\n', 3e6) while true do local t = string.format('%q', s) end
--- comparisons of long texts => stops
local s = string.rep('x', 8e6) local t = s .. 'a' while true do local b = s < t b = t <= s end
--- long numbers => stops
local s = string.rep('1', 8e6) while true do local n = tonumber(s) end
--- arithmetic with a long number => stops
local s = string.rep('1', 8e6) while true do local n = s + 0 n = s * 2 n = -s end
--- a plain search => stops
local s = string.rep('x', 8e6) while true do local n = s:find('y', 1, true) end
--- short patterns => stops
local s = string.rep('x', 4000) while true do local n = s:find('y') n = s:gsub('x', 'yyyy') end
--- packs of a long text => stops
local s = string.rep('x', 8e6) while true do local p = cmsgpack.pack(s) end
--- structs of a long text => stops
local s = string.rep('x', 8e6) while true do local p = struct.pack('s', s) end
--- documents of a long text => stops
local s = string.rep('x', 5e6) while true do local p = cjson.encode(s) end
--- a long document => stops
local s = '"' .. string.rep('x', 8e6) .. '"' while true do local d = cjson.decode(s) end
--- a document of many values => stops
local s = '[' .. string.rep('1,', 200000) .. '1]' while true do local d = cjson.decode(s) end
--- large texts that are dropped => stops
local i = 0 while true do i = i + 1 local s = string.rep(string.format('%08d', i), 300000) end
--- large tables that are dropped => stops
while true do local t = {} for i = 1, 300000 do t[i] = i end end
--- large replies that are dropped => stops
local i = 0 while true do i = i + 1 redis.call('ECHO', string.rep(string.format('%08d', i), 300000)) end
--- many documents of medium length => stops
local s = '[' .. string.rep('[],', 2300) .. '1]' while true do local d = cjson.decode(s) end
--- documents that are wrong => stops
local s = '[' .. string.rep('[],', 2300) while true do pcall(cjson.decode, s) end
--- a document of many elements => stops
local t = {} for i = 1, 500000 do t[i] = i end while true do local d = cjson.encode(t) end
--- a document of many small tables => stops
local t = {} for i = 1, 400 do t[i] = {} for j = 1, 400 do t[i][j] = j end end while true do local d = cjson.encode(t) end
--- packs of many small tables => stops
local t = {} for i = 1, 400 do t[i] = {} for j = 1, 400 do t[i][j] = j end end while true do local d = cmsgpack.pack(t) d = cmsgpack.unpack(d) end
--- concat of many elements => stops
local t = {} for i = 1, 500000 do t[i] = 'x' end while true do local s = table.concat(t) end
--- concat with a separator => stops
local t = {} for i = 1, 500000 do t[i] = '' end while true do local s = table.concat(t, ',') end
--- a long literal => stops
local s = "return '" .. string.rep('x', 4e6) .. "'" while true do local f = loadstring(s) end
--- long code => stops
local s = string.rep('x = y ', 500000) while true do local f = loadstring(s) end
--- collections of many tables => stops
local t = {} for i = 1, 200000 do t[i] = {} end while true do collectgarbage('collect') collectgarbage('step', 1000) end
--- commands with a long argument => stops
local s = string.rep('x', 8e6) while true do redis.pcall('GET', s) redis.pcall('ECHO', s) redis.pcall(s) end
--- a command with many long arguments => stops
local s, t = string.rep('x', 8e6), {'EXISTS'} for i = 1, 7000 do t[#t + 1] = s end while true do redis.pcall(unpack(t)) end
--- logs of a long text => stops
local s = string.rep('x', 8e6) while true do redis.log(redis.LOG_DEBUG, s) end
--- unpack of many values => stops
local t = {} for i = 1, 7000 do t[i] = i end while true do local n = select('#', unpack(t)) n = math.max(unpack(t)) end
--- bytes of a text => stops
local s = string.rep('x', 7000) while true do local n = string.char(s:byte(1, -1)) end
--- a table that was emptied => stops
local t = {} for i = 1, 300000 do t['k' .. i] = 1 end for k in pairs(t) do t[k] = nil end while true do local k = next(t) end
--- a sort of long texts => stops
local s = string.rep('x', 4e6) local a, b, t = s .. 'a', s .. 'b', {} for i = 1, 100000 do t[i] = i % 2 == 0 and a or b end while true do table.sort(t) end
--- a sort by a native => stops
local s, t = string.rep('x', 8e6), {} for i = 1, 100000 do t[i] = s end while true do pcall(table.sort, t, string.find) end
--- a replacement by a native => stops
local t = {} for i = 1, 300000 do t[i] = '' end setmetatable(t, {__index = table.concat})
while true do string.gsub(string.rep('1', 10000), 'x*', t) end
--- a text that an earlier one left => stops
local function make() return string.rep('x', 8e6) end make() while true do local s = make():upper() end
--- calls in a row without a loop => stops
local f = loadstring("local s = string.rep('x', 8e6) " .. string.rep('redis.sha1hex(s) ', 100000)) while true do f() end
