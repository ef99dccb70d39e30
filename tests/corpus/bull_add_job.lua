-- Job queues of the BullMQ family: adding a job whose options come packed, as wait, delayed or with a priority.
-- Exercises: cmsgpack.unpack of an argument that a script packed before, INCR for ids, HMSET with unpack, cjson.decode of job data, nested functions, string prefixes.
-- Left out: XADD to the event stream, since streams do not exist here; PUBLISH stands in for it.
--- pack
return cmsgpack.pack({ ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), { attempts = 3 }, false, 1.5, 'end' })
--- add
local prefix, data = KEYS[1], ARGV[2]
local args = cmsgpack.unpack(ARGV[1])
local name, priority, delay, opts = args[1], args[2], args[3], args[4]
local function store(id)
  local fields = { 'name', name, 'data', data, 'opts', cjson.encode(opts), 'delay', delay, 'priority', priority }
  redis.call('HMSET', prefix .. id, unpack(fields))
  redis.call('PUBLISH', prefix .. 'events', 'added:' .. id)
end
local function parent_of(json)
  local ok, decoded = pcall(cjson.decode, json)
  if ok and type(decoded) == 'table' and decoded.parent then return decoded.parent.id end
end
local id = ARGV[3]
local counter = redis.call('INCR', prefix .. 'id')
if id == '' then id = tostring(counter) elseif redis.call('EXISTS', prefix .. id) == 1 then return id .. '' end
store(id)
local parent = parent_of(data)
if parent then redis.call('SADD', prefix .. parent .. ':dependencies', prefix .. id) end
if delay > 0 then
  local score = (tonumber(ARGV[4]) + delay) * 0x1000 + bit.band(counter, 0xfff)
  redis.call('ZADD', prefix .. 'delayed', score, id)
elseif priority > 0 then
  redis.call('ZADD', prefix .. 'prioritized', priority * 0x100000000 + counter, id)
else
  redis.call('LPUSH', prefix .. 'wait', id)
end
return { id, args[5], args[6], args[7], type(args[5]), #args }
