#!lua flags=no-writes
-- One consistent look at the job; O(workers + counters).
-- KEYS[2]  the user's own start URL key, where seeds come by one
-- ARGV[1]  [that key or ""]
-- reply    [TIME's seconds, microseconds, [meta's fields and values], [tally's], [counters'],
--          [[epoch, state (JSON), ms of the lease clock since its last beat, leases held], …], length of the seeds' key,
--          of items, pending wake-ups, delayed requests that are due]
-- errors   NOSENTINEL
--@include store
local LENGTHS = {list = 'LLEN', set = 'SCARD', zset = 'ZCARD'}

local function length(key)
  local kind = redis.call('TYPE', key).ok
  if kind == 'none' then return 0 end
  return LENGTHS[kind] and redis.call(LENGTHS[kind], key) or -1
end

local function live()
  local flat, list = redis.call('ZRANGE', store.key('workers'), 0, -1, 'WITHSCORES'), {}
  for index = 1, #flat, 2 do
    local row = redis.call('HMGET', store.key('w', flat[index]), 'state', 'held')
    local silent = store.number('lease_clock') - tonumber(flat[index + 1])
    list[#list + 1] = {flat[index], row[1] or '{}', silent, tonumber(row[2] or 0)}
  end
  return list
end

local function main()
  local seeds = input.text(input.array(1)[1], 'the seeds\' key', 10000)
  if seeds ~= '' and seeds ~= KEYS[2] then errors.refuse('BADINPUT', 'the seeds\' key is not KEYS[2]') end
  local time = redis.call('TIME')
  local meta = redis.call('HGETALL', KEYS[1])
  store.open({'uid'})
  return cmsgpack.pack({
    tonumber(time[1]), tonumber(time[2]), meta,
    redis.call('HGETALL', store.key('tally')), redis.call('HGETALL', store.key('counters')), live(),
    length(seeds ~= '' and seeds or store.key('seeds')), redis.call('LLEN', store.key('items')),
    redis.call('HLEN', store.key('wake')),
    redis.call('ZCOUNT', store.key('delayed'), '-inf', clock.digits(store.number('wall'))),
  })
end

return errors.answer(main)
