-- Inventories: several items reserved together or not at all, reservations that lapse give the stock back.
-- Exercises: error tables with fields returned from a nested function, HINCRBY negative, pcall around redis.call, error() with a table, ZRANGEBYSCORE of lapsed reservations, string keys in Lua tables.
--- reserve
local wanted = {}
for i = 3, #ARGV, 2 do wanted[#wanted + 1] = { sku = ARGV[i], count = tonumber(ARGV[i + 1]) } end
local function check(item)
  local left = tonumber(redis.call('HGET', KEYS[1], item.sku) or 0)
  if left < item.count then
    error({ err = 'OUTOFSTOCK ' .. item.sku .. ' ' .. left .. '/' .. item.count })
  end
end
for _, item in ipairs(wanted) do
  local ok, problem = pcall(check, item)
  if not ok then return problem end
end
for _, item in ipairs(wanted) do
  redis.call('HINCRBY', KEYS[1], item.sku, -item.count)
  redis.call('HSET', KEYS[2] .. ':' .. ARGV[1], item.sku, item.count)
end
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
return { ok = 'RESERVED' }
--- lapse
local back = 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', ARGV[1])) do
  local items = redis.call('HGETALL', KEYS[2] .. ':' .. id)
  for i = 1, #items, 2 do
    redis.call('HINCRBY', KEYS[1], items[i], items[i + 1])
    back = back + items[i + 1]
  end
  redis.call('DEL', KEYS[2] .. ':' .. id)
  redis.call('ZREM', KEYS[2], id)
end
return back
--- decrement
local stock = redis.call('GET', KEYS[1])
if stock == false then return -1 end
if tonumber(stock) < tonumber(ARGV[1]) then return -2 end
return redis.call('DECRBY', KEYS[1], ARGV[1])
