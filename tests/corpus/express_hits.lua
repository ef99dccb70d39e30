-- Express middleware of the rate-limit-redis family: hits and time to reset for increment, get, decrement and reset.
-- Exercises: trailing comments and multi-line scripts, tonumber of a reply that may be false, GETSET, comparison of a nil with 0 avoided by 'or'.
--- increment
      local totalHits = redis.call("INCR", KEYS[1])
      local timeToExpire = redis.call("PTTL", KEYS[1])

      if timeToExpire <= 0 or ARGV[1] == "1" -- a new window, or one that starts afresh
      then
          redis.call("PEXPIRE", KEYS[1], tonumber(ARGV[2]))
          timeToExpire = tonumber(ARGV[2])
      end

      return { totalHits, timeToExpire }
--- get
      local totalHits = redis.call("GET", KEYS[1])
      local timeToExpire = redis.call("PTTL", KEYS[1])
      return { totalHits, timeToExpire }
--- swap
      local before = redis.call("GETSET", KEYS[1], ARGV[1])
      return (tonumber(before) or -1)
