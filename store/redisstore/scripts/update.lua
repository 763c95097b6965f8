-- Replaces a record if it is the expected version.
-- KEYS: the record. ARGV: its value, its expiry, the line of the expected version, the line of its
-- place in the indexes, and until when the indexes wait for it, or nothing if it need not be
-- filed anew.
local head = redis.call('GETRANGE', KEYS[1], 0, #ARGV[3] + #ARGV[4] - 1)
if head == '' then
  return 'gone'
end
if string.sub(head, 1, #ARGV[3]) ~= ARGV[3] then
  return 'changed'
end
if ARGV[5] == '' then
  if string.sub(head, #ARGV[3] + 1) ~= ARGV[4] then
    return 'elsewhere'
  end
else
  local time = redis.call('TIME')
  if time[1] * 1000 + math.floor(time[2] / 1000) > tonumber(ARGV[5]) then
    return 'late'
  end
end
redis.call('SET', KEYS[1], ARGV[1], 'PXAT', ARGV[2])
return 'stored'
