--@include endings
-- How an epoch ends: its leases are moved away in steps, then its keys go.
local ends = {}
local MOST_REMEMBERED = 10000

-- The row of an epoch that ends: how many leases it holds, the sum of their tokens, and whether it is to blame.
function ends.row(epoch)
  local values = redis.call('HMGET', workers.row_key(epoch), 'held', 'sum', 'blame')
  redis.call('HLEN', workers.leases_key(epoch))
  return {epoch = epoch, held = tonumber(values[1] or 0), sum = tonumber(values[2] or 0), blame = values[3]}
end

-- Stage up to `most` leases of the row's epoch: `blamed`, each counts a loss, else they go back.
-- Returns how many.
function ends.empty(row, most, blamed)
  local tokens, found = leases.some(row.epoch, most)
  leases.leave(row, tokens)
  for index = 1, #tokens do
    if blamed then endings.lose(found[tokens[index]], 'its worker was lost') else endings.back(found[tokens[index]]) end
  end
  if #tokens < most then row.held, row.sum = 0, 0 end
  return #tokens
end

-- Check what `write` will touch.
function ends.plan()
  permissions.need(KEYS[1], {'ZREM', 'ZADD', 'ZREMRANGEBYRANK', 'DEL'})
  for _, name in ipairs({'workers', 'fencing', 'fenced'}) do redis.call('ZSCORE', store.key(name), '') end
  endings.plan()
end

-- Write the leases, and each row or, where it is empty, its end; `fenced`: the epoch may never join again.
function ends.write(rows, fenced)
  endings.write()
  for index = 1, #rows do
    local row = rows[index]
    if row.held > 0 then
      redis.call('HSET', workers.row_key(row.epoch), 'held', row.held, 'sum', row.sum)
    else
      redis.call('ZREM', store.key('workers'), row.epoch)
      redis.call('ZREM', store.key('fencing'), row.epoch)
      redis.call('DEL', workers.row_key(row.epoch), workers.leases_key(row.epoch))
      if fenced then redis.call('ZADD', store.key('fenced'), store.number('lease_clock'), row.epoch) end
    end
  end
  if fenced and #rows > 0 then redis.call('ZREMRANGEBYRANK', store.key('fenced'), 0, -MOST_REMEMBERED - 1) end
end
