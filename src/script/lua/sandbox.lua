-- Builds the environment of scripts from nothing, once per machine. Receives the native functions; returns what the machine needs.
--
-- A protected table is an empty stand-in whose metatable reads from the real one and refuses writes. Two environments hold the
-- same names. `slow` is such a stand-in: correct for any script. `fast` holds the real tables, so a global costs one lookup; a script
-- gets it only if its bytecode cannot write to, or get hold of, any of them (see `judge`).
local native = ...

local error, type, tostring, next, select = error, type, tostring, next, select
local setmetatable, getmetatable, rawset, rawget, setfenv = setmetatable, getmetatable, rawset, rawget, setfenv
local pcall, pairs, loadstring, collectgarbage = pcall, pairs, loadstring, collectgarbage
local concat, insert, rep, band = table.concat, native.table.insert, string.rep, bit.band
local create, resume, is_deep = coroutine.create, coroutine.resume, native.is_deep
local READONLY = 'Attempt to modify a readonly table'

jit.off()
assert(jit.status() == false, 'compiled traces ignore hooks and cannot be stopped')

local real = {}
local locked = setmetatable({}, {})

local function refuse_write() error(READONLY, 2) end

local function freeze(table)
  local stand_in = setmetatable({}, { __index = table, __newindex = refuse_write, __metatable = locked })
  real[stand_in] = table
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
-- The originals cannot be stopped.
for name, func in next, native.string do S[name] = func end
S.gfind = S.gmatch
function S.rep(text, times) return rep(text, times) end

local M = libraries.math
M.mod, M.random, M.randomseed = M.fmod, native.random, native.randomseed

local T = libraries.table
T.sort = native.table.sort
function T.setn() error("'setn' is obsolete", 2) end
function T.insert(table, ...)
  if real[table] then error(READONLY, 0) end
  return insert(table, ...)
end

-- Whatever catches an error looks at the kill flag and the clock. The hook that does so elsewhere has no room to run where the stack is all but full,
-- and a script that catches one overflow after the other never leaves that place.
local look = native.look

-- Each coroutine that another one resumes takes its part of the thread's stack.
local C = libraries.coroutine
local function resumed(ok, ...)
  if not ok then look() end
  return ok, ...
end

function C.resume(thread, ...)
  if type(thread) ~= 'thread' then error("bad argument #1 to 'resume' (coroutine expected)", 2) end
  if is_deep() then return false, 'C stack overflow' end
  return resumed(resume(thread, ...))
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

-- As Redis does it: the caught error of a command is its text, not its table.
local function caught(ok, ...)
  if ok then return ok, ... end
  look()
  local problem = ...
  if type(problem) == 'table' then
    local text = rawget(problem, 'err')
    if type(text) == 'string' then return false, text end
  end
  return false, ...
end

function functions.pcall(...) return caught(pcall(...)) end

-- The handler runs after the unwinding, not during it: the machine runs no hook inside a real handler, so an endless one could
-- not be killed. Scripts have nothing by which to see the difference.
local function handled(handler, ok, ...)
  if ok then return true, ... end
  look()
  local _, answer = pcall(handler, (...))
  return false, answer
end

function functions.xpcall(body, handler) return handled(handler, pcall(body)) end

-- Only the questions are passed on: what one script sets would be felt by the next.
local harmless = { stop = 0, restart = 0, setpause = 200, setstepmul = 200 }
function functions.collectgarbage(option, ...)
  local answer = harmless[option or 'collect']
  if answer then return answer end
  return collectgarbage(option, ...)
end

local function compile_text(text, name)
  local translated, refusal = native.translate(text, name)
  if refusal then return nil, refusal end
  local compiled, problem = loadstring(translated or text, name)
  if not compiled then return nil, problem end
  return setfenv(compiled, slow)
end

function functions.loadstring(text, name)
  if type(text) == 'number' then text = tostring(text) end
  if type(text) ~= 'string' then
    error("bad argument #1 to 'loadstring' (string expected, got " .. (text == nil and 'no value' or type(text)) .. ')', 2)
  end
  return compile_text(text, name or text)
end

function functions.load(reader, name)
  local pieces = {}
  while true do
    local piece = reader()
    if piece == nil or piece == '' then break end
    if type(piece) ~= 'string' then return nil, 'reader function must return a string' end
    pieces[#pieces + 1] = piece
  end
  return compile_text(concat(pieces), name or '=(load)')
end

for name, value in next, functions do base[name], fast[name] = value, value end
for name, library in next, libraries do base[name], fast[name] = freeze(library), library end
base.server, fast.server = base.redis, R
base._G, fast._G = slow, slow

setmetatable(base, { __index = missing })
setmetatable(fast, { __index = missing })

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
local FORL, ITERL = nth('for i = 1, 2 do end', 5), nth('for i in x do end', 5)
local JMP = nth('if x then return end', 3)
local CALLT, CALLMT = nth('return x()', 2), nth('return x(y())', 4)

local function judge(prototype, verdict)
  local count = funcinfo(prototype).bytecodes
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
local function compile(text, name)
  local compiled, problem = loadstring(text, name)
  if not compiled then return nil, problem end
  local verdict = { fast = true, bounded = true, tail_line = 0 }
  judge(compiled, verdict)
  setfenv(compiled, verdict.fast and fast or slow)
  return compiled, verdict.fast, verdict.bounded, verdict.tail_line
end

return compile, fast, base
