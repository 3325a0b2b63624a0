--@include store
--@include numbered
-- Workers by their epochs: who lives, whose call this is, and what an epoch holds. `w:<epoch>` has n and r0 … r7 (the
-- numbered calls), held and sum (its leases: how many, and the sum of their tokens), alone (1: it holds a suspect), beat
-- and state (the last beat), blame (0: its end is not held against its leases).
local workers = {}
local MODULUS = 2147483648
local find, sub = string.find, string.sub

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

-- Refuse an epoch that is not live.
function workers.need(epoch)
  if not workers.is_live(epoch) then
    errors.refuse('FENCED', 'the epoch ' .. epoch .. ' is not live: join with a new one')
  end
end

-- Open numbered call of ARGV[2] and ARGV[3]: the reply that it had, or nil and the row to work on. A call that changes no
-- leases need not read what its epoch holds (`bare`).
function workers.open(bare)
  local epoch, number = workers.epoch(), numbered.number(1)
  workers.need(epoch)
  local key, slot = workers.row_key(epoch), numbered.slot(number)
  local row = {epoch = epoch, number = number, key = key, slot = slot}
  local values
  if bare then
    values = redis.call('HMGET', key, 'n', slot)
  else
    values = redis.call('HMGET', key, 'n', slot, 'held', 'sum', 'alone')
    row.held, row.sum, row.alone = tonumber(values[3] or 0), tonumber(values[4] or 0), values[5]
  end
  workers.row = row
  return numbered.repeated(values[1], values[2], number)
end

-- Count `count` leases in: those of the row's own call with the indices from 1 on.
function workers.hold(row, count)
  row.held = row.held + count
  row.sum = (row.sum + count * row.number * 1000 + count * (count + 1) / 2) % MODULUS
end

-- Count the leases of these tokens (`number.index`) out of a row.
function workers.let_go(row, tokens)
  local sum, number, known, length = row.sum, nil, nil, nil
  for index = 1, #tokens do
    local token = tokens[index]
    if not known or sub(token, 1, length) ~= known then
      length = find(token, '.', 1, true)
      known, number = sub(token, 1, length), sub(token, 1, length - 1) * 1000
    end
    sum = sum - (number + sub(token, length + 1)) % MODULUS
  end
  row.held, row.sum = row.held - #tokens, sum % MODULUS
end

-- Write the row of a numbered call and its reply, which is returned.
function workers.close(reply)
  local row, packed = workers.row, cmsgpack.pack(reply)
  if row.held then
    redis.call('HSET', row.key, 'n', row.number, row.slot, packed, 'held', row.held, 'sum', row.sum,
      'alone', row.held > 0 and row.alone or '0')
  else
    redis.call('HSET', row.key, 'n', row.number, row.slot, packed)
  end
  return packed
end

-- How many epochs are to be reaped: silent for too long by the lease clock, or fenced and not yet emptied.
function workers.to_reap()
  local limit = clock.digits(store.number('lease_clock') - store.number('silence_ms'))
  return redis.call('ZCOUNT', store.key('workers'), '-inf', '(' .. limit) + redis.call('ZCARD', store.key('fencing'))
end
