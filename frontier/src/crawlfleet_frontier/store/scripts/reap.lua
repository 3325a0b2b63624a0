#!lua flags=allow-oom
-- Fence workers that are silent for too long by the lease clock, or one by its name, and free their leases.
-- ARGV[1]  [epoch, or "" for all that are silent; blame 0 | 1]
-- reply    [leases moved, leases of fenced epochs left]; 500 leases and 100 epochs a call: call again until nothing is left
-- errors   NOSENTINEL, BADINPUT
-- With blame each lease counts a loss: it goes back to the front of its host, from the loss before the last one allowed on
-- to the suspects, and at the last one, alone, to the dead letters with the reason WorkerLost. Without, it goes back. An
-- epoch keeps the blame it was fenced with; only its name with blame 0 takes it away.
--@include ends
local MOST_LEASES, MOST_EPOCHS = 500, 100

local function silent()
  local limit = clock.digits(store.number('lease_clock') - store.number('silence_ms'))
  return redis.call('ZRANGE', store.key('workers'), '-inf', '(' .. limit, 'BYSCORE', 'LIMIT', 0, MOST_EPOCHS)
end

-- The epochs to fence now, and those to empty (fenced before, or now).
local function choose(epoch)
  local fencing = redis.call('ZRANGE', store.key('fencing'), 0, MOST_EPOCHS - 1)
  if epoch == '' then
    local fresh = silent()
    for index = 1, #fresh do fencing[#fencing + 1] = fresh[index] end
    return fresh, fencing
  end
  if workers.is_live(epoch) then return {epoch}, {epoch} end
  return {}, redis.call('ZSCORE', store.key('fencing'), epoch) and {epoch} or {}
end

local function fence(fresh, blame)
  for index = 1, #fresh do
    redis.call('ZREM', store.key('workers'), fresh[index])
    redis.call('ZADD', store.key('fencing'), store.number('lease_clock'), fresh[index])
    redis.call('HSET', workers.row_key(fresh[index]), 'blame', blame)
  end
end

-- Stage what is moved away; returns the rows, how many leases were moved and how many are left.
local function empty(epochs, named, blame)
  local rows, moved, left = {}, 0, 0
  for index = 1, #epochs do
    local row = ends.row(epochs[index])
    local blamed = (row.blame or tostring(blame)) == '1' and not (named and blame == 0)
    if moved < MOST_LEASES then
      moved = moved + ends.empty(row, MOST_LEASES - moved, blamed)
      rows[#rows + 1] = row
    end
    left = left + row.held
  end
  return rows, moved, left
end

local function main()
  local given = input.array(2)
  local epoch, blame = input.text(given[1], 'the epoch', 200), input.integer(given[2], 'blame', 0, 1)
  store.open({'uid', 'max_losses', 'lease_clock', 'silence_ms'})
  local fresh, epochs = choose(epoch)
  local rows, moved, left = empty(epochs, epoch ~= '', blame)
  ends.plan()
  fence(fresh, blame)
  ends.write(rows, true)
  return cmsgpack.pack({moved, left})
end

return errors.answer(main)
