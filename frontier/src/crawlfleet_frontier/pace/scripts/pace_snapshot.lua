#!lua flags=no-writes
-- How the hosts stand.
-- KEYS  meta of the pace store
-- ARGV  1 []
-- reply [seconds, microseconds, hosts ready now, hosts waiting in all, slots held, the longest wait of a host past its
--        moment in ms, store id]. Reads only; O(log hosts).
--@include errors
--@include clock
--@include keys
--@include meta

local function first(low, high)
  return tonumber(redis.call('ZRANGEBYSCORE', keys.ready, low, high, 'WITHSCORES', 'LIMIT', 0, 1)[2])
end

local function snapshot()
  meta.read()
  local time = redis.call('TIME')
  local _, micros = clock.now()
  local timed, fresh = first('0', meta.wall), first('-inf', '(0')
  local longest = 0
  if timed then longest = meta.wall - timed end
  if fresh then longest = math.max(longest, math.floor((micros - fresh - meta.FRESH) / 1000)) end
  return cmsgpack.pack({
    tonumber(time[1]), tonumber(time[2]), redis.call('ZCOUNT', keys.ready, '-inf', meta.wall),
    redis.call('ZCARD', keys.ready), meta.held, longest, meta.id,
  })
end

return errors.answer(snapshot)
