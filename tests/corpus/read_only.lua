-- Read-only scripts: EVAL_RO and flags in the first line.
-- Exercises: EVAL_RO and EVALSHA_RO of a reading script, a write refused in them, the shebang with no-writes, an unknown flag and an unknown engine refused.
--- read
return { redis.call('GET', KEYS[1]), redis.call('STRLEN', KEYS[1]) }
--- write
return redis.call('SET', KEYS[1], 'x')
--- flagged
#!lua flags=no-writes
return redis.call('GET', KEYS[1])
--- flagged_write
#!lua flags=no-writes
return redis.call('SET', KEYS[1], 'x')
--- no_flags
#!lua
redis.call('SET', KEYS[1], ARGV[1])
return redis.call('GET', KEYS[1])
--- unknown_flag
#!lua flags=nonsense
return 1
--- unknown_engine
#!python
return 1
