-- Builds the environment of scripts from nothing, once per machine. Receives the native functions; returns what the machine needs.
--
-- A protected table is an empty stand-in whose metatable reads from the real one and refuses writes. Two environments hold the
-- same names. `slow` is such a stand-in: correct for any script. `fast` holds the real tables, so a global costs one lookup; a script
-- gets it only if its bytecode cannot write to, or get hold of, any of them (see `judge`).
local native = ...

local error, type, tostring, next, select = error, type, tostring, next, select
local setmetatable, getmetatable, rawset, rawget, setfenv = setmetatable, getmetatable, rawset, rawget, setfenv
local pairs, loadstring, collectgarbage = pairs, loadstring, collectgarbage
local concat, insert, band, tobit, tohex = table.concat, native.table.insert, bit.band, bit.tobit, bit.tohex
local create, resume, begin_resume, end_resume = coroutine.create, coroutine.resume, native.begin_resume, native.end_resume
local READONLY = 'Attempt to modify a readonly table'

jit.off()
assert(jit.status() == false, 'compiled traces ignore hooks and cannot be stopped')

-- What stands in for what, and what of it seems to have no metatable.
local real, plain = {}, {}
local locked = setmetatable({}, {})

local function refuse_write() error(READONLY, 2) end

local function freeze(table)
  local stand_in = setmetatable({}, { __index = table, __newindex = refuse_write, __metatable = locked })
  real[stand_in], plain[stand_in] = table, true
  return stand_in
end

getmetatable(locked).__newindex = refuse_write
getmetatable(locked).__metatable = locked
real[locked] = {}

local function missing(_, name)
  error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
end

local function pick(from, names)
  local to = {}
  for name in names:gmatch('%S+') do
    to[name] = from[name] or error('the machine lacks ' .. name)
  end
  return to
end

local fast, base = {}, {}
local slow = setmetatable({}, { __index = base, __newindex = refuse_write, __metatable = locked })
real[slow] = base

-- The reviewed list of what a script can reach. -------------------------------------------------------------------------------

local libraries = {
  string = pick(string, 'byte char find format gmatch gsub len lower match reverse sub upper'),
  table = pick(table, 'concat foreach foreachi getn maxn remove sort'),
  math = pick(math, 'abs acos asin atan atan2 ceil cos cosh deg exp floor fmod frexp huge ldexp log log10 max min modf pi pow rad sin sinh sqrt tan tanh'),
  coroutine = pick(coroutine, 'create resume running status wrap yield'),
  bit = pick(bit, 'arshift band bnot bor bswap bxor lshift rol ror rshift tobit tohex'),
  os = pick(os, 'clock'),
  redis = native.redis, cjson = native.cjson, cmsgpack = native.cmsgpack, struct = native.struct,
}
local functions = pick(_G, 'assert error gcinfo ipairs rawequal select tonumber tostring type unpack _VERSION')

local S = libraries.string
-- The originals cannot be stopped, or keep 32 bits of a number.
for name, func in next, native.string do S[name] = func end
S.gfind = S.gmatch

local M = libraries.math
M.mod, M.random, M.randomseed = M.fmod, native.random, native.randomseed

local T = libraries.table
T.sort = native.table.sort
function T.setn() error("'setn' is obsolete", 2) end
function T.insert(table, ...)
  if real[table] then error(READONLY, 0) end
  return insert(table, ...)
end

-- Each coroutine that another one resumes takes its part of the thread's stack, and counts as a call through C.
local C = libraries.coroutine
C.yield = native.yield

local function resumed(depth, ok, ...)
  end_resume(depth, ok)
  return ok, ...
end

function C.resume(thread, ...)
  if type(thread) ~= 'thread' then error("bad argument #1 to 'resume' (coroutine expected)", 2) end
  local depth = begin_resume()
  if not depth then return false, 'C stack overflow' end
  return resumed(depth, resume(thread, ...))
end

local function unwrapped(ok, ...)
  if ok then return ... end
  error((...), type(...) == 'string' and 2 or 0)
end

function C.wrap(body)
  if type(body) ~= 'function' then error("bad argument #1 to 'wrap' (Lua function expected)", 2) end
  local thread = create(body)
  return function(...) return unwrapped(C.resume(thread, ...)) end
end

-- LuaJIT's has up to 254 digits.
function libraries.bit.tohex(number, digits)
  if digits == nil then return tohex(number) end
  digits = tobit(digits)
  return tohex(number, digits > 8 and 8 or digits < -8 and -8 or digits)
end

local R = libraries.redis
R.LOG_DEBUG, R.LOG_VERBOSE, R.LOG_NOTICE, R.LOG_WARNING = 0, 1, 2, 3
R.REPL_NONE, R.REPL_AOF, R.REPL_SLAVE, R.REPL_REPLICA, R.REPL_ALL = 0, 1, 2, 2, 3
R.REDIS_VERSION, R.REDIS_VERSION_NUM = '7.0.15', 0x7000F

local J = libraries.cjson
J._NAME, J._VERSION, J.null = 'cjson', '2.1.0', native.null
function J.new() return slow.cjson end

local P = libraries.cmsgpack
P._NAME, P._VERSION = 'cmsgpack', 'lua-cmsgpack 0.4.0'
P._COPYRIGHT, P._DESCRIPTION = 'Copyright (C) 2012, Salvatore Sanfilippo', 'MessagePack C implementation for Lua'

function functions.getmetatable(value)
  if type(value) == 'string' then return locked end
  if plain[value] then return nil end
  return getmetatable(value)
end

function functions.setmetatable(table, meta)
  if real[table] then error(READONLY, 0) end
  return setmetatable(table, meta)
end

function functions.rawset(table, key, value)
  if real[table] then error(READONLY, 0) end
  return rawset(table, key, value)
end

function functions.rawget(table, key) return rawget(real[table] or table, key) end

function functions.next(table, key) return next(real[table] or table, key) end

function functions.pairs(table)
  local inner = table ~= nil and real[table]
  if inner then return function(_, key) return next(inner, key) end, table, nil end
  return pairs(table)
end

functions.pcall, functions.xpcall = native.pcall, native.xpcall

-- Only the questions are passed on: what one script sets would be felt by the next.
local harmless = { stop = 0, restart = 0, setpause = 200, setstepmul = 200 }
function functions.collectgarbage(option, ...)
  local answer = harmless[option or 'collect']
  if answer then return answer end
  -- It goes through all there is.
  native.look()
  return collectgarbage(option, ...)
end

local function compile_text(text, name, environment)
  local translated, refusal = native.translate(text, name)
  if refusal then return nil, refusal end
  local compiled, problem = native.load(translated or text, name)
  if not compiled then return nil, problem end
  return setfenv(compiled, environment)
end

-- What is compiled sees what its compiler sees.
local function compilers(environment)
  local function from_text(text, name)
    if type(text) == 'number' then text = tostring(text) end
    if type(text) ~= 'string' then
      error("bad argument #1 to 'loadstring' (string expected, got " .. (text == nil and 'no value' or type(text)) .. ')', 2)
    end
    return compile_text(text, name or text, environment)
  end

  local function from_reader(reader, name)
    local pieces = {}
    while true do
      local piece = reader()
      if piece == nil or piece == '' then break end
      if type(piece) ~= 'string' then return nil, 'reader function must return a string' end
      pieces[#pieces + 1] = piece
    end
    return compile_text(concat(pieces), name or '=(load)', environment)
  end
  return from_text, from_reader
end

-- Libraries of functions have globals of their own, in both kinds: those of a script less what only scripts have. KEYS and ARGV are arguments.
local library_fast, library_base = {}, {}
local library_slow = setmetatable({}, { __index = library_base, __newindex = refuse_write, __metatable = locked })
real[library_slow] = library_base

for name, value in next, functions do
  base[name], fast[name], library_base[name], library_fast[name] = value, value, value, value
end
for name, library in next, libraries do
  base[name], fast[name] = freeze(library), library
  library_base[name], library_fast[name] = base[name], library
end
base.server, fast.server = base.redis, R
base._G, fast._G = slow, slow
base.loadstring, base.load = compilers(slow)
fast.loadstring, fast.load = base.loadstring, base.load

local running = {}
for name, value in next, R do running[name] = value end
running.breakpoint, running.debug, running.replicate_commands = nil, nil, nil
library_base.redis, library_fast.redis = freeze(running), running
library_base.server, library_fast.server = library_base.redis, running
library_base._G, library_fast._G = library_slow, library_slow
library_base.loadstring, library_base.load = compilers(library_slow)
library_fast.loadstring, library_fast.load = library_base.loadstring, library_base.load

for _, globals in next, { base, fast, library_base, library_fast } do setmetatable(globals, { __index = missing }) end

-- A method call on a string reads the real table; getmetatable does not show it.
getmetatable('').__index = S

-- Judging a compiled script ---------------------------------------------------------------------------------------------------

local util = native.jit_util()
local funcinfo, funcbc, funck = util.funcinfo, util.funcbc, util.funck

local function opcode(instruction) return band(instruction, 0xff) end

-- The numbers of the opcodes are learned from this interpreter rather than written down.
local function nth(text, n) return opcode((funcbc(loadstring(text), n))) end
local GSET, GGET = nth('x = 1', 2), nth('return x', 1)
local TGETS = nth('return x.y', 2)
local FNEW = nth('return function() end', 1)
local UGET = opcode((funcbc(loadstring('local x; return function() return x end')(), 1)))
local FORL, ITERL = nth('for i = 1, 2 do end', 5), nth('for i in x do end', 5)
local JMP = nth('if x then return end', 3)
local CALLT, CALLMT = nth('return x()', 2), nth('return x(y())', 4)

local function judge(prototype, verdict)
  local count = funcinfo(prototype).bytecodes
  -- Each of them may call what works for some microseconds.
  if count > 1000 then verdict.bounded = false end
  for at = 1, count - 1 do
    local instruction = funcbc(prototype, at)
    local op = opcode(instruction)
    if op == GSET then
      verdict.fast = false
    elseif op == GGET then
      local name = funck(prototype, -math.floor(instruction / 65536 % 65536) - 1)
      if name == '_G' or name == 'load' or name == 'loadstring' then
        verdict.fast, verdict.bounded = false, false
      elseif libraries[name] or name == 'server' then
        -- Fast only if the very next instruction reads a field of it into the same register: then nothing keeps the table.
        local register = math.floor(instruction / 256) % 256
        local after = at + 1 < count and funcbc(prototype, at + 1)
        local overwritten = after and opcode(after) == TGETS
          and math.floor(after / 256) % 256 == register and math.floor(after / 16777216) % 256 == register
        if not overwritten then verdict.fast = false end
      end
    elseif op == FNEW or op == FORL or op == ITERL then
      verdict.bounded = false
    elseif op == JMP then
      if math.floor(instruction / 65536) % 65536 < 0x8000 then verdict.bounded = false end
    elseif op == UGET then
      verdict.closed = false
    elseif op == CALLT or op == CALLMT then
      verdict.tail_line = funcinfo(prototype, at).currentline
    end
  end
  for index = -1, -65536, -1 do
    local constant = funck(prototype, index)
    if constant == nil then break end
    if type(constant) == 'proto' then judge(constant, verdict) end
  end
end

-- Returns the function, whether its environment is the fast one, whether it ends by itself, and the line of its last tail call;
-- or nil and why not.
local function compile(text, name, is_library)
  local compiled, problem = loadstring(text, name)
  if not compiled then return nil, problem end
  local verdict = { fast = true, bounded = true, tail_line = 0 }
  judge(compiled, verdict)
  if is_library then
    setfenv(compiled, verdict.fast and library_fast or library_slow)
  else
    setfenv(compiled, verdict.fast and fast or slow)
  end
  return compiled, verdict.fast, verdict.bounded, verdict.tail_line
end

-- Loading a library of functions ----------------------------------------------------------------------------------------------

-- Each function that was registered, whether it ends by itself, and the line of its last tail call.
local registered

local function note(callback)
  local bounded, tail_line = false, 0
  if funcinfo(callback).bytecodes then
    -- What it keeps from its library may be a function without end.
    local verdict = { fast = true, bounded = true, closed = true, tail_line = 0 }
    judge(callback, verdict)
    bounded, tail_line = verdict.bounded and verdict.closed, verdict.tail_line
  end
  local count = #registered
  registered[count + 1], registered[count + 2], registered[count + 3] = callback, bounded, tail_line
end

local loading = {}
for _, name in next, { 'LOG_DEBUG', 'LOG_VERBOSE', 'LOG_NOTICE', 'LOG_WARNING', 'REDIS_VERSION', 'REDIS_VERSION_NUM', 'log' } do
  loading[name] = R[name]
end

function loading.register_function(...)
  native.register(...)
  local first, second = ...
  if type(first) ~= 'table' then return note(second) end
  for name, value in next, first do
    if type(name) == 'string' and S.lower(name) == 'callback' then return note(value) end
  end
end
setmetatable(loading, { __index = missing })
local frozen_loading = freeze(loading)

-- While a library is loaded nothing but `redis` is there. The names stay in their tables, so that putting the values back takes no memory.
local running_base, running_fast = {}, {}
for name, value in next, library_base do running_base[name], running_fast[name] = value, library_fast[name] end

local function begin_load()
  registered = {}
  for name in next, running_base do library_base[name], library_fast[name] = nil, nil end
  library_base.redis, library_fast.redis = frozen_loading, loading
  library_base.server, library_fast.server = frozen_loading, loading
end

local function end_load()
  for name, value in next, running_base do library_base[name], library_fast[name] = value, running_fast[name] end
  local list = registered
  registered = nil
  return list
end

return compile, fast, base, begin_load, end_load
