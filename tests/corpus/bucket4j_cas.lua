-- Bucket libraries of the Bucket4j family: the state is an opaque binary value that clients swap if nobody else did.
-- Exercises: binary arguments and values with NUL, CR and LF, comparison of strings, SET PX and SET NX inside a script, 0 and 1 replies.
--- create
if redis.call('set', KEYS[1], ARGV[1], 'nx', 'px', ARGV[2]) then return 1 else return 0 end
--- swap
if redis.call('get', KEYS[1]) == ARGV[1] then
  redis.call('set', KEYS[1], ARGV[2], 'px', ARGV[3])
  return 1
else
  return 0
end
--- swap_forever
if redis.call('get', KEYS[1]) == ARGV[1] then redis.call('set', KEYS[1], ARGV[2]) return 1 end return 0
