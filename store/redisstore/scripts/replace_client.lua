-- Replaces a client if it is still the one that was read.
-- KEYS: the client. ARGV: its document, and the one that was read.
local stored = redis.call('GET', KEYS[1])
if not stored then
  return 'gone'
end
if stored ~= ARGV[2] then
  return 'changed'
end
redis.call('SET', KEYS[1], ARGV[1])
return 'stored'
