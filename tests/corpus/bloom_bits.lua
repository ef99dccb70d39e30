-- Membership filters: several hashes of an item set flags in a string.
-- Exercises: bit.band, bit.bxor, bit.rshift, bit.tobit and tohex over sha1hex digits, tonumber with base 16, GETRANGE and SETRANGE of single bytes, string.byte and string.char.
-- Left out: SETBIT and GETBIT, which do not exist here; bytes are read, changed and written.
--- add
local digest = redis.sha1hex(ARGV[1])
local changed = 0
for i = 0, 3 do
  local position = bit.band(tonumber(string.sub(digest, i * 8 + 1, i * 8 + 8), 16), 1023)
  local at, mask = bit.rshift(position, 3), bit.lshift(1, bit.band(position, 7))
  local old = string.byte(redis.call('GETRANGE', KEYS[1], at, at)) or 0
  if bit.band(old, mask) == 0 then
    redis.call('SETRANGE', KEYS[1], at, string.char(bit.bor(old, mask)))
    changed = changed + 1
  end
end
return changed
--- has
local digest = redis.sha1hex(ARGV[1])
for i = 0, 3 do
  local position = bit.band(tonumber(digest:sub(i * 8 + 1, i * 8 + 8), 16), 1023)
  local at = bit.rshift(position, 3)
  local byte = redis.call('GETRANGE', KEYS[1], at, at):byte() or 0
  if bit.band(byte, bit.lshift(1, bit.band(position, 7))) == 0 then return 0 end
end
return 1
--- operations
local n = tonumber(ARGV[1])
return { bit.tobit(n), bit.tohex(n), bit.tohex(n, -4), bit.bnot(n), bit.bswap(n), bit.arshift(n, 3), bit.rol(n, 7), bit.ror(n, 7), bit.bxor(n, 0xffff), bit.lshift(n, 33) }
