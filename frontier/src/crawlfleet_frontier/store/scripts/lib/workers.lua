--@include store
--@include numbered
-- Workers by their epochs: who lives, whose call this is, and what an epoch holds. `w:<epoch>` has n and r0 … r7 (the
-- numbered calls), held and sum (its leases: how many, and the sum of their tokens), alone (1: it holds a suspect), beat
-- and state (the last beat), blame (0: its end is not held against its leases).
local workers = {COMMANDS = {'ZSCORE', 'HSET'}, changes = {}}
local MODULUS = 2147483648

function workers.row_key(epoch) return store.key('w', epoch) end
function workers.leases_key(epoch) return store.key('l', epoch) end

-- The epoch in ARGV[2], as it is.
function workers.epoch()
  local epoch = input.text(ARGV[2], 'the epoch', 200)
  if epoch == '' then errors.refuse('BADINPUT', 'the epoch is empty') end
  return epoch
end

function workers.is_live(epoch)
  return redis.call('ZSCORE', store.key('workers'), epoch) ~= false
end

-- Refuse an epoch that is not live; checks the keys that belong to it.
function workers.need(epoch)
  if not workers.is_live(epoch) then
    errors.refuse('FENCED', 'the epoch ' .. epoch .. ' is not live: join with a new one')
  end
  redis.call('HLEN', workers.leases_key(epoch))
end

-- Open numbered call of ARGV[2] and ARGV[3]: the reply that it had, or nil and the row to work on.
function workers.open()
  local epoch, number = workers.epoch(), numbered.number(1)
  workers.need(epoch)
  local row = redis.call('HMGET', workers.row_key(epoch), 'n', numbered.slot(number), 'held', 'sum', 'alone')
  local reply = numbered.repeated(row[1], row[2], number)
  workers.row = {epoch = epoch, number = number, held = tonumber(row[3] or 0), sum = tonumber(row[4] or 0), alone = row[5]}
  return reply
end

-- Count the lease `index` of the row's own call in.
function workers.hold(row, index)
  row.held = row.held + 1
  row.sum = (row.sum + row.number * 1000 + index) % MODULUS
end

-- Count the lease of a token (`number.index`) out of a row.
function workers.let_go(row, token)
  local dot = string.find(token, '.', 1, true)
  row.held = row.held - 1
  row.sum = (row.sum - string.sub(token, 1, dot - 1) * 1000 - string.sub(token, dot + 1)) % MODULUS
end

-- Write the row of a numbered call and its reply, which is returned.
function workers.close(reply)
  local row = workers.row
  local packed = cmsgpack.pack(reply)
  redis.call('HSET', workers.row_key(row.epoch), 'n', clock.digits(row.number), numbered.slot(row.number), packed,
    'held', row.held, 'sum', clock.digits(row.sum), 'alone', row.held > 0 and row.alone or '0')
  return packed
end

-- How many epochs are to be reaped: silent for too long by the lease clock, or fenced and not yet emptied.
function workers.to_reap()
  local limit = clock.digits(store.number('lease_clock') - store.number('silence_ms'))
  return redis.call('ZCOUNT', store.key('workers'), '-inf', '(' .. limit) + redis.call('ZCARD', store.key('fencing'))
end
