-- Drops IDs from an index whose records were not found, unless the record of one may still be on
-- its way.
-- KEYS: the index, as in file.lua. ARGV: when the page with the IDs was read, for how long after
-- that they may be dropped, for how long an ID counts as filed of late, and the IDs.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now - ARGV[1] > tonumber(ARGV[2]) then
  return 0
end
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now - ARGV[3])
local dropped = 0
for i = 4, #ARGV do
  if not redis.call('ZSCORE', KEYS[3], ARGV[i]) then
    dropped = dropped + redis.call('ZREM', KEYS[1], ARGV[i])
    redis.call('ZREM', KEYS[2], ARGV[i])
  end
end
return dropped
