-- A worker says that it lives, what is in flight, and what it did since its last beat.
-- KEYS  sentinel, counters, workers
-- ARGV  worker id, sequence (1, 2, … per worker id), state as JSON, '1' where the worker's start() is through else '0',
--       then pairs: counter, increment
-- reply 1 applied; 0 a repeat (its counters were added before; nothing changes); -1 no sentinel (nothing changes)
-- Everything is checked before the first write: a script that fails midway keeps what it wrote before.
if redis.call('HLEN', KEYS[1]) == 0 then return -1 end
local sequence = tonumber(ARGV[2])
local last = redis.call('HGET', KEYS[3], ARGV[1])
if last and tonumber(string.match(last, '^%d+|(%d+)|')) >= sequence then return 0 end
for pair = 5, #ARGV, 2 do
  local count = redis.call('HGET', KEYS[2], ARGV[pair]) or '0'
  if not string.match(count, '^%-?%d+$') or not string.match(ARGV[pair + 1], '^%-?%d+$') then
    return redis.error_reply('ERR the counter ' .. ARGV[pair] .. ' or its increment is no whole number')
  end
end
local seconds = redis.call('TIME')[1]
for pair = 5, #ARGV, 2 do
  redis.call('HINCRBY', KEYS[2], ARGV[pair], ARGV[pair + 1])
end
redis.call('HSET', KEYS[3], ARGV[1], seconds .. '|' .. ARGV[2] .. '|' .. ARGV[3])
redis.call('HSETNX', KEYS[1], 'first_beat_at', seconds)
if ARGV[4] == '1' then redis.call('HSET', KEYS[1], 'seed_state', 'seeded') end
return 1
