-- Put the sentinel down once, together with the inline seeds: both or neither, and never twice.
-- KEYS  sentinel, start_urls
-- ARGV  uid, layout, seed state to start from (unseeded | seeded), then one JSON object per seed
-- reply 1 where this call prepared the job, 0 where it was prepared before. The layout of a sentinel that is there is not judged.
if redis.call('HLEN', KEYS[1]) > 0 then return 0 end
for first = 4, #ARGV, 500 do
  redis.call('RPUSH', KEYS[2], unpack(ARGV, first, math.min(first + 499, #ARGV)))
end
local now = redis.call('TIME')
redis.call('HSET', KEYS[1], 'uid', ARGV[1], 'layout', ARGV[2], 'seed_state', ARGV[3], 'created_at', now[1])
return 1
