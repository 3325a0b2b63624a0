#!lua flags=allow-oom
-- A worker begins to live under its epoch.
-- ARGV     [layout, first 0 | 1], epoch
-- reply    [seed state, job state (open | closed), the pace store's id or "", epochs to reap]
-- errors   NOSENTINEL, LAYOUT (the store has another one), FENCED (this epoch was fenced before)
-- Joining again with a live epoch changes nothing but the time of its last sign of life.
-- first = 1: a process begins in its place (the epoch up to its last colon). Those that lived there before have ended, and
-- count as silent for too long from now on. O(live epochs) then.
--@include workers

local function was_fenced(epoch)
  return redis.call('ZSCORE', store.key('fencing'), epoch) or redis.call('ZSCORE', store.key('fenced'), epoch)
end

-- The other live epochs of the same place.
local function predecessors(epoch)
  local place, found = string.match(epoch, '^.*:'), {}
  if not place then return found end
  local live = redis.call('ZRANGE', store.key('workers'), 0, -1)
  for index = 1, #live do
    local is_there = string.sub(live[index], 1, #place) == place and not string.find(live[index], ':', #place + 1, true)
    if is_there and live[index] ~= epoch then found[#found + 1] = live[index] end
  end
  return found
end

local function main()
  local given, epoch = input.array(2), workers.epoch()
  local layout, first = input.text(given[1], 'layout', 100), input.integer(given[2], 'first', 0, 1)
  store.open({'uid', 'lease_clock', 'seed_state', 'state', 'layout', 'pace_id', 'silence_ms'})
  permissions.need(KEYS[1], {'ZADD', 'ZCOUNT'})
  if store.text('layout') ~= layout then
    errors.refuse('LAYOUT', 'this store has ' .. tostring(store.text('layout')) .. ', the worker ' .. layout)
  end
  if was_fenced(epoch) then errors.refuse('FENCED', 'the epoch ' .. epoch .. ' was fenced: join with a new one') end
  redis.call('ZSCORE', store.key('workers'), epoch)
  redis.call('HLEN', workers.row_key(epoch))
  redis.call('ZCARD', store.key('fencing'))
  local ended, silent = first == 1 and predecessors(epoch) or {}, store.number('lease_clock') - store.number('silence_ms') - 1
  for index = 1, #ended do redis.call('ZADD', store.key('workers'), silent, ended[index]) end
  redis.call('ZADD', store.key('workers'), store.number('lease_clock'), epoch)
  return cmsgpack.pack({store.text('seed_state'), store.text('state'), store.text('pace_id'), workers.to_reap()})
end

return errors.answer(main)
