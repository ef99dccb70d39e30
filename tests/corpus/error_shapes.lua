-- Every way in which scripts of the field fail or reply: what a client gets to see.
-- Exercises: error_reply and status_reply with odd texts, err and ok tables, redis.pcall results inspected and returned, error with strings, tables, levels and nil, assert, effects kept before an error, errors of unknown commands and arities, xpcall.
--- reply
if ARGV[1] == 'error_reply' then return redis.error_reply(ARGV[2]) end
if ARGV[1] == 'status_reply' then return redis.status_reply(ARGV[2]) end
if ARGV[1] == 'err' then return { err = ARGV[2] } end
if ARGV[1] == 'ok' then return { ok = ARGV[2] } end
if ARGV[1] == 'error' then error(ARGV[2]) end
if ARGV[1] == 'error0' then error(ARGV[2], 0) end
if ARGV[1] == 'table' then error({ err = ARGV[2] }) end
if ARGV[1] == 'assert' then assert(false, ARGV[2]) end
if ARGV[1] == 'assert_nil' then assert(nil) end
if ARGV[1] == 'raise' then return redis.call('INCR', KEYS[1]) end
if ARGV[1] == 'nil_index' then return missing_table.field end
if ARGV[1] == 'arith' then return {} + 1 end
if ARGV[1] == 'nested' then return { 1, { err = 'inner' }, { ok = 'fine' }, { 2, { 3 } } } end
--- caught
local reply = redis.pcall('INCR', KEYS[1])
if type(reply) == 'table' and reply.err then
  return { 'caught', reply.err, redis.pcall('NOSUCH').err, redis.pcall('GET').err, redis.pcall('GET', 'a', 'b').err }
end
return reply
--- passed_on
return redis.pcall('LPUSH', KEYS[1], 1)
--- effects
redis.call('SET', KEYS[1], 'before')
redis.call('LPUSH', KEYS[1], 'x')
redis.call('SET', KEYS[1], 'after')
--- handled
local ok, problem = pcall(redis.call, 'LPUSH', KEYS[1], 1)
local shown = type(problem) == 'table' and problem.err or tostring(problem)
local done, handled = xpcall(function() error('deep') end, function(m) return 'handled: ' .. tostring(m) end)
return { tostring(ok), shown, tostring(done), handled }
--- arguments
local out = {}
for i, call in ipairs({
  function() redis.call() end,
  function() redis.call({}) end,
  function() redis.call('SET', KEYS[1], true) end,
  function() redis.call('SET', KEYS[1], nil) end,
  function() redis.call('NOSUCH') end,
  function() redis.call('EVAL', 'return 1', 0) end,
  function() redis.call('SUBSCRIBE', 'x') end,
  function() redis.error_reply(1) end,
  function() redis.sha1hex() end,
}) do
  local ok, problem = pcall(call)
  out[i] = type(problem) == 'table' and (problem.err or 'table') or tostring(problem)
end
return out
