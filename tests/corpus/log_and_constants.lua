-- What scripts ask of the server itself: logs, levels, versions, digests, rights.
-- Exercises: redis.log with each level, LOG_ constants, sha1hex of binary, REDIS_VERSION types, acl_check_cmd, set_repl, the server alias's absence or presence not assumed.
--- logs
redis.log(redis.LOG_DEBUG, 'debug', 1, 2)
redis.log(redis.LOG_VERBOSE, 'verbose')
return { redis.LOG_DEBUG, redis.LOG_VERBOSE, redis.LOG_NOTICE, redis.LOG_WARNING }
--- digests
return { redis.sha1hex(''), redis.sha1hex(ARGV[1]), redis.sha1hex(12), #redis.sha1hex('x') }
--- versions
return { type(redis.REDIS_VERSION), type(redis.REDIS_VERSION_NUM), redis.REDIS_VERSION_NUM >= 0x00070000 }
--- rights
return { redis.acl_check_cmd('SET', 'k', 'v'), redis.acl_check_cmd('GET', 'k') }
--- replication
redis.set_repl(redis.REPL_ALL)
redis.call('SET', KEYS[1], 1)
redis.set_repl(redis.REPL_NONE)
redis.call('INCR', KEYS[1])
redis.set_repl(redis.REPL_AOF)
return { redis.REPL_ALL, redis.REPL_AOF, redis.REPL_REPLICA, redis.REPL_SLAVE, redis.REPL_NONE, redis.replicate_commands(), redis.call('INCR', KEYS[1]) }
--- bad
local out = {}
for i, call in ipairs({
  function() redis.log('x', 'y') end,
  function() redis.log(99, 'y') end,
  function() redis.log(redis.LOG_DEBUG) end,
  function() redis.set_repl(77) end,
  function() redis.setresp(4) end,
  function() redis.acl_check_cmd('NOSUCH') end,
}) do
  local ok, problem = pcall(call)
  out[i] = type(problem) == 'table' and problem.err or tostring(problem)
end
return out
