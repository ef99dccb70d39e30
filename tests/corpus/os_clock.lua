-- Scripts written for servers newer than 7.0 that measure themselves.
-- Exercises: os.clock, which redis-server 7.0 lacks and Tally has, as newer servers do.
--- measure
local began = os.clock()
local sum = 0
for i = 1, 1000 do sum = sum + i end
return { type(began), os.clock() - began >= 0 and 1 or 0, sum }
