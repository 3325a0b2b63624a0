--@include leases
-- How an epoch ends: its leases are moved away in steps, then its keys go.
local ends = {COMMANDS = {'HRANDFIELD', 'ZSCORE', 'ZREM', 'ZADD', 'ZREMRANGEBYRANK', 'ZRANGE', 'DEL', 'HLEN'}, gone = {}}
local MOST_REMEMBERED = 10000

-- Refuse where the user may not use all that this needs.
function ends.permit()
  permissions.need(KEYS[1], ends.COMMANDS)
  permissions.need(KEYS[1], store.COMMANDS)
  permissions.need(KEYS[1], leases.COMMANDS)
  permissions.need(KEYS[1], queues.COMMANDS)
  permissions.need(KEYS[1], directory.COMMANDS)
end

-- The row of an epoch that ends: how many leases it holds, the sum of their tokens, and whether it is to blame.
function ends.row(epoch)
  local values = redis.call('HMGET', workers.row_key(epoch), 'held', 'sum', 'blame')
  redis.call('HLEN', workers.leases_key(epoch))
  return {epoch = epoch, held = tonumber(values[1] or 0), sum = tonumber(values[2] or 0), blame = values[3]}
end

-- Stage up to `most` leases of the row's epoch: `blamed`, each counts a loss, else they go to the front of their hosts.
-- Returns how many.
function ends.empty(row, most, blamed)
  local tokens, found = leases.some(row.epoch, most)
  for index = 1, #tokens do
    leases.leave(row, tokens[index])
    if blamed then leases.lose(found[tokens[index]], 'its worker was lost') else leases.back(found[tokens[index]]) end
  end
  if #tokens < most then row.held, row.sum = 0, 0 end
  return #tokens
end

-- Check what `write` will touch.
function ends.plan()
  for _, name in ipairs({'workers', 'fencing', 'fenced'}) do redis.call('ZSCORE', store.key(name), '') end
  leases.plan()
end

-- Write the leases, and each row or, where it is empty, its end; `fenced`: the epoch may never join again.
function ends.write(rows, fenced)
  leases.write()
  for index = 1, #rows do
    local row = rows[index]
    if row.held > 0 then
      redis.call('HSET', workers.row_key(row.epoch), 'held', row.held, 'sum', clock.digits(row.sum))
    else
      redis.call('ZREM', store.key('workers'), row.epoch)
      redis.call('ZREM', store.key('fencing'), row.epoch)
      redis.call('DEL', workers.row_key(row.epoch), workers.leases_key(row.epoch))
      if fenced then redis.call('ZADD', store.key('fenced'), clock.digits(store.number('lease_clock')), row.epoch) end
    end
  end
  if fenced and #rows > 0 then redis.call('ZREMRANGEBYRANK', store.key('fenced'), 0, -MOST_REMEMBERED - 1) end
end
