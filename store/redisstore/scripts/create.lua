-- Stores a new record.
-- KEYS: the record. ARGV: its value, its expiry, and until when its indexes wait for it.
local time = redis.call('TIME')
if time[1] * 1000 + math.floor(time[2] / 1000) > tonumber(ARGV[3]) then
  return 'late'
end
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PXAT', ARGV[2]) then
  return 'stored'
end
return 'exists'
