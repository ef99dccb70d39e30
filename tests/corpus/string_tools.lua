-- Scripts that take strings apart: routes, versions, quoting.
-- Exercises: string.find with init and plain, match with captures and anchors, gsub with strings, tables and functions, gmatch, %b and %f, format directives, rep, reverse, upper, byte ranges, tostring of numbers, string comparison.
--- route
local method, path, query = ARGV[1]:match('^(%u+)%s+([^?]*)%??(.*)$')
local params = {}
for name, value in (query or ''):gmatch('([^&=]+)=([^&=]*)') do
  value = value:gsub('+', ' '):gsub('%%(%x%x)', function(hex) return string.char(tonumber(hex, 16)) end)
  params[#params + 1] = name .. '=' .. value
end
return { method, path, params, (path or ''):gsub('/%d+', '/:id') }
--- version
local function parts(text)
  local major, minor, patch = text:match('^v?(%d+)%.(%d+)%.?(%d*)')
  return tonumber(major) or 0, tonumber(minor) or 0, tonumber(patch) or 0
end
local a, b, c = parts(ARGV[1])
local x, y, z = parts(ARGV[2])
if a ~= x then return a < x and -1 or 1 end
if b ~= y then return b < y and -1 or 1 end
return c < z and -1 or (c > z and 1 or 0)
--- shapes
local s = ARGV[1]
return { { s:find('l', 1, true) or 0 }, { s:find('(l+)', -3) or 0 }, s:rep(2, '-'), s:reverse(), s:upper(), { s:byte(1, 3) }, s:sub(-3, -2), s:len(), (s:gsub('%w', '%0%0', 2)), (s:gsub('%a+', { hello = 'bye' })), ('f(a(b)c)d'):match('%b()'), ('THE (quick) fox'):find('%f[%a]%a+%f[%A]'), s < 'help' and 1 or 0 }
--- formats
return { ('%5d|%-5d|%05d'):format(42, 42, 42), ('%x %X %o'):format(255, 255, 8), ('%.3f %g %e'):format(1 / 3, 1e20, 12345.678), ('%q'):format('a "b"\n\\'), ('%s %s'):format('x', tostring(true)), ('%c%c'):format(72, 105), ('%10.4s|'):format('abcdefgh'), ('%i'):format(-3.7), ('%%'):format(), ('%5s%-5s|'):format('a', 'b'), tostring(1e15), tostring(1e14), tostring(0.1), tostring(-0.0), 10 / 2 .. '', 2 ^ 53 .. '', 1e100 .. '' }
--- conversions
local out = {}
for i, text in ipairs(ARGV) do out[i] = tostring(tonumber(text)) end
return out
