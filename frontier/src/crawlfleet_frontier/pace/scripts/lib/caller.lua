--@include errors
--@include input
--@include numbered
--@include keys
--@include meta
--@include batches
-- The epoch that calls: its last number and replies, and the wall clock as it was at its last call. The clock goes on
-- by what has passed for the caller since *that* moment, so that of many callers none moves it over another's time again.
local caller = {}

-- Read the epoch in ARGV[2]. A numbered call that was carried out before returns its reply.
function caller.read_numbered()
  caller.epoch = input.text(ARGV[2], 'epoch', 200)
  if caller.epoch == '' then errors.refuse('BADINPUT', 'epoch is empty') end
  caller.number = numbered.number(1)
  caller.key = keys.epoch(caller.epoch)
  local slot = numbered.slot(caller.number)
  local values = redis.call('HMGET', caller.key, 'n', slot, 'wall')
  batches.read(caller.key)
  if not values[1] and caller.number > 1 then
    errors.refuse('FENCED', 'this epoch is not known here: begin a new one with call 1')
  end
  caller.wall = tonumber(values[3] or nil)
  return numbered.repeated(values[1], values[2], caller.number)
end

-- Read an epoch whose call has no number; it may be unknown.
function caller.read(epoch)
  caller.epoch = epoch
  caller.key = keys.epoch(epoch)
  caller.wall = tonumber(redis.call('HGET', caller.key, 'wall') or nil)
end

-- Move the wall clock by what the caller says has passed; a caller without a call before moves nothing.
function caller.advance(elapsed)
  meta.advance(caller.wall and caller.wall + elapsed)
end

-- Note the call; `reply` is kept where it is a numbered one.
function caller.write(reply)
  local wall = meta.wall
  if not reply then return batches.put('HSET', caller.key, {'wall', wall}) end
  batches.put('HSET', caller.key, {'wall', wall, 'n', caller.number, numbered.slot(caller.number), reply})
  batches.put('ZADD', keys.epochs, {wall, caller.epoch})
end

-- Forget at most one epoch that has not called for so long (ms) that its deadlines have all passed.
function caller.collect(silence)
  local old = redis.call('ZRANGEBYSCORE', keys.epochs, '-inf', meta.wall - silence, 'LIMIT', 0, 1)
  batches.read(keys.epochs)
  if #old == 0 or old[1] == caller.epoch then return end
  redis.call('HLEN', keys.epoch(old[1]))
  batches.delete(keys.epoch(old[1]))
  local epochs = batches.of('ZREM', keys.epochs)
  epochs[#epochs + 1] = old[1]
end
