# What scripts may try, and what redis-server 7.0.15 answers. Of what it did not survive, it says only `error` (and 0 for an endless `rep`).

--- globals are closed => answers -ERR user_script:1: Attempt to modify a readonly table script: <sha>, on @user_script:1.\r\n
x = 1
--- globals cannot be read => answers -ERR user_script:1: Script attempted to access nonexistent global variable 'x' script: <sha>, on @user_script:1.\r\n
return x
--- rawset on globals => answers *2\r\n$-1\r\n$34\r\nAttempt to modify a readonly table\r\n
return {pcall(rawset, _G, 'x', 1)}
--- setmetatable on globals => answers *2\r\n$-1\r\n$34\r\nAttempt to modify a readonly table\r\n
return {pcall(setmetatable, _G, {})}
--- a library is closed => answers -ERR user_script:1: Attempt to modify a readonly table script: <sha>, on @user_script:1.\r\n
string.x = 1
--- a function cannot be replaced => answers -ERR user_script:1: Attempt to modify a readonly table script: <sha>, on @user_script:1.\r\n
string.format = nil
--- rawset on a library => answers -ERR Attempt to modify a readonly table script: <sha>, on @user_script:1.\r\n
rawset(string, 'format', nil)
--- insert into a library => answers -ERR Attempt to modify a readonly table script: <sha>, on @user_script:1.\r\n
table.insert(redis, 1)
--- the metatable of strings => answers -ERR user_script:1: Attempt to modify a readonly table script: <sha>, on @user_script:1.\r\n
getmetatable('').__index = nil
--- the metatable of globals => answers -ERR user_script:1: Attempt to modify a readonly table script: <sha>, on @user_script:1.\r\n
getmetatable(_G).__index = nil
--- a field planted in every table => answers $3\r\nnil\r\n
for _, t in pairs(_G) do if type(t) == 'table' then pcall(function() t.planted = 1 end) pcall(rawset, t, 'planted', 1) end end return tostring(rawget(string, 'planted'))
--- KEYS are not shared => answers *2\r\n:1\r\n$1\r\ny\r\n
KEYS.x = 1 ARGV[1] = 'y' return {KEYS.x, ARGV[1]}
--- settings of cjson => answers *2\r\n$-1\r\n$39\r\nCannot serialise, excessive nesting (4)\r\n
cjson.encode_max_depth(3) return {pcall(cjson.encode, {{{{1}}}})}
--- getfenv => answers -ERR user_script:1: Script attempted to access nonexistent global variable 'getfenv' script: <sha>, on @user_script:1.\r\n
return getfenv and 1 or 0
--- setfenv => answers -ERR user_script:1: Script attempted to access nonexistent global variable 'setfenv' script: <sha>, on @user_script:1.\r\n
setfenv(1, {})
--- io => answers -ERR user_script:1: Script attempted to access nonexistent global variable 'io' script: <sha>, on @user_script:1.\r\n
return io.open('/etc/passwd')
--- package => answers -ERR user_script:1: Script attempted to access nonexistent global variable 'package' script: <sha>, on @user_script:1.\r\n
return package.path
--- require => answers -ERR user_script:1: Script attempted to access nonexistent global variable 'require' script: <sha>, on @user_script:1.\r\n
require('os')
--- debug => answers -ERR user_script:1: Script attempted to access nonexistent global variable 'debug' script: <sha>, on @user_script:1.\r\n
return debug.getinfo(1)
--- dofile => answers -ERR user_script:1: Script attempted to access nonexistent global variable 'dofile' script: <sha>, on @user_script:1.\r\n
dofile('/etc/passwd')
--- loadfile => answers -ERR user_script:1: Script attempted to access nonexistent global variable 'loadfile' script: <sha>, on @user_script:1.\r\n
return loadfile('/etc/passwd')
--- newproxy => answers -ERR user_script:1: Script attempted to access nonexistent global variable 'newproxy' script: <sha>, on @user_script:1.\r\n
return newproxy(true)
--- os.execute => answers -ERR user_script:1: Script attempted to access nonexistent global variable 'os' script: <sha>, on @user_script:1.\r\n
return os.execute
--- a finalizer => answers :0\r\n
local n = 0 local t = setmetatable({}, {__gc = function() n = n + 1 end}) t = nil collectgarbage() collectgarbage() return n
--- collectgarbage stops nothing => answers *1\r\n:1000\r\n
collectgarbage('stop') local t for i = 1, 1000 do t = {i} end return t
--- error nil => answers -ERR nil script: <sha>, on @user_script:1.\r\n
error(nil)
--- error without a value => answers -ERR nil script: <sha>, on @user_script:1.\r\n
error()
--- error false => answers -ERR false script: <sha>, on @user_script:1.\r\n
error(false)
--- error of a number => answers -ERR user_script:1: 42 script: <sha>, on @user_script:1.\r\n
error(42)
--- error of a table => error
error({1, 2})
--- error of a table with err => answers -MINE my own script: <sha>, on @user_script:1.\r\n
error({err = 'MINE my own'})
--- error of a table with an err that is no text => error
error({err = {}})
--- error of a table that pretends => error
error(setmetatable({}, {__tostring = function() return 'x' end}))
--- error of a text with line ends => answers -ERR a  b script: <sha>, on @user_script:1.\r\n
error('a\r\nb', 0)
--- an error with an error => answers -X   +OK script: <sha>, on @user_script:1.\r\n
error({err = 'X \r\n+OK'})
--- call without arguments => answers -ERR Please specify at least one argument for this redis lib call script: <sha>, on @user_script:1.\r\n
return redis.call()
--- call of nil => answers -ERR Lua redis lib command arguments must be strings or integers script: <sha>, on @user_script:1.\r\n
return redis.call(nil)
--- call of a table => answers -ERR Lua redis lib command arguments must be strings or integers script: <sha>, on @user_script:1.\r\n
return redis.call({})
--- call of a function => answers -ERR Lua redis lib command arguments must be strings or integers script: <sha>, on @user_script:1.\r\n
return redis.call('GET', tostring)
--- call with true => answers -ERR Lua redis lib command arguments must be strings or integers script: <sha>, on @user_script:1.\r\n
return redis.call('SET', KEYS[1], true)
--- call of a number => answers -ERR Unknown Redis command called from script script: <sha>, on @user_script:1.\r\n
return redis.call(1)
--- call of an empty name => answers -ERR Unknown Redis command called from script script: <sha>, on @user_script:1.\r\n
return redis.call('')
--- call of a name with a zero => answers -ERR Unknown Redis command called from script script: <sha>, on @user_script:1.\r\n
return redis.call('GET\0', KEYS[1])
--- pcall of nonsense => answers -ERR Lua redis lib command arguments must be strings or integers\r\n
return redis.pcall('GET', {})
--- call of what is not allowed => answers -ERR This Redis command is not allowed from script script: <sha>, on @user_script:1.\r\n
return redis.call('EVAL', 'return 1', 0)
--- call with too few => answers -ERR Wrong number of args calling Redis command from script script: <sha>, on @user_script:1.\r\n
return redis.call('GET')
--- call with too many => answers -ERR Wrong number of args calling Redis command from script script: <sha>, on @user_script:1.\r\n
return redis.call('GET', unpack({1, 2, 3}, 1, 3))
--- call with nan => answers +OK\r\n
return redis.call('SET', KEYS[1], 0/0)
--- call with inf => answers *2\r\n+OK\r\n$3\r\ninf\r\n
return {redis.call('SET', KEYS[1], 1/0), redis.call('GET', KEYS[1])}
--- a reply with holes => answers *1\r\n:1\r\n
return {1, nil, 3}
--- a reply with functions => answers *3\r\n$-1\r\n$-1\r\n$-1\r\n
return {tostring, function() end, coroutine.create(function() end)}
--- a function as a reply => answers $-1\r\n
return function() end
--- a reply that holds itself => answers *1\r\n:1\r\n
local t = {1} t.t = t return t
--- a status with line ends => answers +a  b\r\n
return {ok = 'a\r\nb'}
--- an err that is no text => answers *0\r\n
return {err = {}}
--- an empty err => answers -\r\n
return {err = ''}
--- nan as a reply => answers *3\r\n:-9223372036854775808\r\n:-9223372036854775808\r\n:-9223372036854775808\r\n
return {0/0, 1/0, -1/0}
--- rep of nothing => answers :0\r\n
return #string.rep('', 2147483647)
--- rep below nothing => answers :0\r\n
return #string.rep('x', -5)
--- sub far away => answers $3\r\nabc\r\n
return string.sub('abc', -1e9, 1e9)
--- an odd init => answers *4\r\n:2\r\n$4\r\nnone\r\n:4\r\n:3\r\n
return {string.find('abc', 'b', -1e9), string.find('abc', 'b', 1e9) or 'none', string.find('abc', '', 10)}
--- gsub to no end => answers *3\r\n$3\r\nabc\r\n$3\r\nabc\r\n:0\r\n
return {string.gsub('abc', '%w', '%0%0', math.huge), string.gsub('abc', '%w', '%0%0', -1)}
--- gsub with a bad capture => answers *2\r\n$-1\r\n$21\r\ninvalid capture index\r\n
return {pcall(string.gsub, 'abc', '%w', '%2')}
--- gsub with a bad value => answers *2\r\n$-1\r\n$35\r\ninvalid replacement value (a table)\r\n
return {pcall(string.gsub, 'abc', '%w', function() return {} end)}
--- gsub with true => answers *2\r\n$-1\r\n$55\r\nbad argument #3 to '?' (string/function/table expected)\r\n
return {pcall(string.gsub, 'abc', '%w', true)}
--- gsub with false from a table => answers *2\r\n$3\r\naB7\r\n:3\r\n
return {string.gsub('abc', '%w', {a = false, b = 'B', c = 7})}
--- a percent at the end => answers *2\r\n$3\r\na\x00c\r\n:1\r\n
return {string.gsub('abc', 'b', '%')}
--- a byte zero in a subject => answers *3\r\n:2\r\n$3\r\na-b\r\n:1\r\n
return {string.find('a\0b', '%z'), string.gsub('a\0b', '%z', '-')}
--- a class that Lua 5.1 lacks => answers *2\r\n$5\r\nfo- 1\r\n:1\r\n
return {string.gsub('fog 1', '%g', '-')}
--- a set of brackets => answers *4\r\n:2\r\n:2\r\n:2\r\n:2\r\n
return {string.find('a]b', '[]]'), string.find('a^b', '[b^]'), string.find('a-b', '[a-]', 2)}
--- errors of patterns => answers *11\r\n$33\r\nmalformed pattern (ends with '%')\r\n$31\r\nmalformed pattern (missing ']')\r\n$31\r\nmalformed pattern (missing ']')\r\n$18\r\nunfinished capture\r\n$23\r\ninvalid pattern capture\r\n$21\r\ninvalid capture index\r\n$33\r\nmissing '[' after '%f' in pattern\r\n$18\r\nunbalanced pattern\r\n$18\r\nunfinished capture\r\n$31\r\nmalformed pattern (missing ']')\r\n$31\r\nmalformed pattern (missing ']')\r\n
local t = {} for _, p in ipairs({'%', '[', '[a', '(', ')', '%1', '%f', '%b', '(()', '[]', '[^]'}) do t[#t + 1] = select(2, pcall(string.match, 'a(', p)) end return t
--- errors of arguments => answers *12\r\n$54\r\nbad argument #1 to '?' (string expected, got no value)\r\n$54\r\nbad argument #1 to '?' (string expected, got no value)\r\n$54\r\nbad argument #2 to '?' (string expected, got no value)\r\n$54\r\nbad argument #2 to '?' (string expected, got no value)\r\n$51\r\nbad argument #1 to '?' (string expected, got table)\r\n$51\r\nbad argument #1 to '?' (string expected, got table)\r\n$51\r\nbad argument #2 to '?' (string expected, got table)\r\n$51\r\nbad argument #2 to '?' (string expected, got table)\r\n$52\r\nbad argument #3 to '?' (number expected, got string)\r\n$1\r\nx\r\n$51\r\nbad argument #3 to '?' (number expected, got table)\r\n$1\r\na\r\n
local t = {} for _, a in ipairs({{}, {'a'}, {{}, 'a'}, {'a', {}}, {'a', 'a', 'x'}, {'a', 'a', {}}}) do t[#t + 1] = select(2, pcall(string.find, unpack(a))) t[#t + 1] = select(2, pcall(string.gsub, unpack(a))) end return t
--- gmatch with an anchor => answers :2\r\n
local n = 0 for w in string.gmatch('^a^a', '^a') do n = n + 1 end return n
--- gmatch of nothing => answers *4\r\n$1\r\n1\r\n$2\r\n2b\r\n$1\r\n3\r\n$1\r\n4\r\n
local t = {} for a, b in string.gmatch('abc', '()(b?)') do t[#t + 1] = a .. b end return t
--- sort of mixed values => answers *2\r\n$-1\r\n$36\r\nattempt to compare table with number\r\n
return {pcall(table.sort, {1, 'a', {}})}
--- sort by a false order => answers *2\r\n$-1\r\n$34\r\ninvalid order function for sorting\r\n
return {pcall(table.sort, {3, 1, 2, 5, 4}, function() return true end)}
--- sort by an order with equals => answers *2\r\n$-1\r\n$49\r\nuser_script:1: attempt to compare nil with number\r\n
return {pcall(table.sort, {1, 1, 1, 1, 1}, function(a, b) return a <= b end)}
--- sort keeps the order of equals as ever => answers $80\r\n30 18 12 21 27 24 9 15 6 3 22 4 7 28 25 16 19 1 10 13 29 26 2 8 20 11 23 17 14 5\r\n
local t = {} for i = 1, 30 do t[i] = {i % 3, i} end table.sort(t, function(a, b) return a[1] < b[1] end) local s = {} for i = 1, 30 do s[i] = t[i][2] end return table.concat(s, ' ')
--- sort by no function => answers *2\r\n$-1\r\n$54\r\nbad argument #2 to '?' (function expected, got number)\r\n
return {pcall(table.sort, {2, 1}, 1)}
--- sort of a list that changes => answers :1\r\n
local t = {3, 2, 1, 5, 4} local ok = pcall(table.sort, t, function(a, b) t[2] = nil return (a or 0) < (b or 0) end) return ok and 1 or 0
--- insert at odd places => answers *1\r\n$1\r\nz\r\n
local t = {1, 2, 3} table.insert(t, 2, 'x') table.insert(t, 10, 'y') table.insert(t, 0, 'z') return {t[0] or 'nil', t[1], t[2], t[3], t[4], t[5] or 'nil', t[10] or 'nil'}
--- insert of nothing => answers *3\r\n$-1\r\n$-1\r\n$37\r\nwrong number of arguments to 'insert'\r\n
return {pcall(table.insert, {}), pcall(table.insert, {}, 1, 2, 3)}
--- coroutine.resume of nonsense => answers *2\r\n$-1\r\n$43\r\nbad argument #1 to '?' (coroutine expected)\r\n
return {pcall(coroutine.resume, 1)}
--- coroutine.wrap of a dead one => answers *2\r\n$-1\r\n$28\r\ncannot resume dead coroutine\r\n
local c = coroutine.wrap(function() return 1 end) c() return {pcall(c)}
--- an error in coroutine.wrap => answers *2\r\n$-1\r\n$19\r\nuser_script:1: mine\r\n
local c = coroutine.wrap(function() error('mine') end) return {pcall(c)}
--- an error value in coroutine.wrap => answers *2\r\n$-1\r\n$4\r\nmine\r\n
local c = coroutine.wrap(function() error({err = 'mine'}) end) return {pcall(c)}
--- values through coroutines => answers *2\r\n:2\r\n:20\r\n
local c = coroutine.wrap(function(a) local b = coroutine.yield(a + 1) return b * 2 end) return {c(1), c(10)}
--- literals of LuaJIT => answers -ERR Error compiling script (new function): user_script:1: malformed number near '1LL'\r\n
return 1LL
--- imaginary literals => answers -ERR Error compiling script (new function): user_script:1: malformed number near '1i'\r\n
return 1i
--- hexadecimal literals of LuaJIT => answers -ERR Error compiling script (new function): user_script:1: malformed number near '0x1uLL'\r\n
return 0x1uLL
--- literals in loaded code => answers $3\r\nnil\r\n
return tostring(loadstring('return 1LL'))
--- bytecode => answers $3\r\nnil\r\n
return tostring(loadstring('\27LJ\2\10\0\1\0\0\0'))
--- damaged bytecode of Lua 5.1 => answers $3\r\nnil\r\n
return tostring((loadstring('\27Lua\81\0')))
--- a jump => answers -ERR Error compiling script (new function): user_script:1: '=' expected near 'x'\r\n
goto x ::x:: return 1
--- a deep reply => answers something
local t = {} for i = 1, 50000 do t = {t} end return t
