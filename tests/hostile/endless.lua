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
