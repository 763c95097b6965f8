-- Returns the time, and the next IDs of an index.
-- KEYS: the index, as in file.lua. ARGV: the ID to go on after, how many, and for how long an ID
-- counts as filed of late.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
-- Only a primary executes a command that writes: no index is read from a replica that lags.
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now - ARGV[3])
return {now, redis.call('ZRANGEBYLEX', KEYS[1], '(' .. ARGV[1], '+', 'LIMIT', 0, ARGV[2])}
