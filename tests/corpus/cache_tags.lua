-- Caches with tags: entries point to tags, a flush of a tag deletes what carries it, versions invalidate without deleting.
-- Exercises: SMEMBERS in a loop, UNLINK by unpack, SADD to derived keys, HMGET of tag versions compared with stored ones, table.concat, SINTER of tags.
--- put
local versions = {}
for i = 3, #ARGV do
  redis.call('SADD', 'tag:' .. ARGV[i] .. ':entries', KEYS[1])
  versions[#versions + 1] = redis.call('HGET', 'tag:versions', ARGV[i]) or '0'
end
redis.call('HSET', KEYS[1], 'value', ARGV[2], 'versions', table.concat(versions, ','), 'tags', table.concat(ARGV, ',', 3))
redis.call('EXPIRE', KEYS[1], ARGV[1])
return #versions
--- get
local entry = redis.call('HMGET', KEYS[1], 'value', 'versions', 'tags')
if not entry[1] then return nil end
local tags, now = {}, {}
for tag in string.gmatch(entry[3], '[^,]+') do tags[#tags + 1] = tag end
if #tags > 0 then
  for i, version in ipairs(redis.call('HMGET', 'tag:versions', unpack(tags))) do now[i] = version or '0' end
end
if table.concat(now, ',') ~= entry[2] then return { 'stale', entry[1] } end
return { 'fresh', entry[1] }
--- invalidate
for _, tag in ipairs(ARGV) do redis.call('HINCRBY', 'tag:versions', tag, 1) end
return #ARGV
--- flush
local gone = 0
for _, tag in ipairs(ARGV) do
  local key = 'tag:' .. tag .. ':entries'
  local entries = redis.call('SMEMBERS', key)
  if #entries > 0 then gone = gone + redis.call('UNLINK', unpack(entries)) end
  redis.call('DEL', key)
end
return gone
