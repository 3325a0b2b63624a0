#!lua flags=allow-oom
-- A worker begins to live under its epoch.
-- ARGV     [layout], epoch
-- reply    [seed state, job state (open | closed), the pace store's id or ""]
-- errors   NOSENTINEL, LAYOUT (the store has another one), FENCED (this epoch was fenced before)
-- Joining again with a live epoch changes nothing but the time of its last sign of life.
--@include workers

local function was_fenced(epoch)
  return redis.call('ZSCORE', store.key('fencing'), epoch) or redis.call('ZSCORE', store.key('fenced'), epoch)
end

local function main()
  local layout, epoch = input.text(input.array(1)[1], 'layout', 100), workers.epoch()
  store.open({'uid', 'lease_clock', 'seed_state', 'state', 'layout', 'pace_id'})
  permissions.need(KEYS[1], {'ZADD'})
  if store.text('layout') ~= layout then
    errors.refuse('LAYOUT', 'this store has ' .. tostring(store.text('layout')) .. ', the worker ' .. layout)
  end
  if was_fenced(epoch) then errors.refuse('FENCED', 'the epoch ' .. epoch .. ' was fenced: join with a new one') end
  redis.call('ZSCORE', store.key('workers'), epoch)
  redis.call('HLEN', workers.row_key(epoch))
  redis.call('ZADD', store.key('workers'), store.number('lease_clock'), epoch)
  return cmsgpack.pack({store.text('seed_state'), store.text('state'), store.text('pace_id')})
end

return errors.answer(main)
