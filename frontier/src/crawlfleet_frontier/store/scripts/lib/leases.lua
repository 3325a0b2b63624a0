--@include workers
--@include outbox
-- How leases end. `leases.read` finds those of an epoch; `leases.back`, `suspect`, `dead`, `delay` stage what becomes of
-- each; the tally follows. `leases.plan` checks, `leases.write` writes.
local leases = {
  COMMANDS = {'HLEN', 'LLEN', 'RPUSH', 'ZCARD', 'ZADD', 'XLEN', 'XADD', 'HDEL'},
  suspects = {}, delayed = {}, letters = {}, returned = {}, ended = {},
}

-- The leases of an epoch that `tokens` name: token → entry.
function leases.read(epoch, tokens)
  local found = {}
  for first = 1, #tokens, 500 do
    local part = {unpack(tokens, first, math.min(first + 499, #tokens))}
    local values = redis.call('HMGET', workers.leases_key(epoch), unpack(part))
    for index = 1, #part do found[part[index]] = values[index] or nil end
  end
  return found
end

local function order(one, other)
  local n1, i1 = string.match(one, '^(%d+)%.(%d+)$')
  local n2, i2 = string.match(other, '^(%d+)%.(%d+)$')
  if n1 == n2 then return tonumber(i1) < tonumber(i2) end
  return tonumber(n1) < tonumber(n2)
end

-- Sort tokens into the order in which they were given.
function leases.sort(tokens)
  table.sort(tokens, order)
end

-- Up to `most` leases of an epoch: a list of tokens in the order in which they were given, and token → entry.
function leases.some(epoch, most)
  local flat, tokens, found = redis.call('HRANDFIELD', workers.leases_key(epoch), most, 'WITHVALUES'), {}, {}
  for index = 1, #flat, 2 do
    tokens[#tokens + 1] = flat[index]
    found[flat[index]] = flat[index + 1]
  end
  leases.sort(tokens)
  return tokens, found
end

-- End a lease of the epoch of `row`: it leaves the epoch's leases.
function leases.leave(row, token)
  workers.let_go(row, token)
  store.count('leased', -1)
  local ended = leases.ended[row.epoch] or {}
  leases.ended[row.epoch] = ended
  ended[#ended + 1] = token
end

-- Back to the front of its host, no loss counted. Several come back in their order: the last one is staged first.
function leases.back(entry)
  leases.returned[#leases.returned + 1] = entry
  store.count('queued', 1)
end

-- To the dead letters.
function leases.dead(band, host, request, reason, text)
  leases.letters[#leases.letters + 1] = {
    'reason', reason, 'error', text, 'host', host, 'band', band,
    'losses', string.byte(request), 'payload', string.sub(request, 2),
  }
  store.count('dead', 1)
end

-- A loss is counted; to the suspects, or to the dead letters where it was the last one allowed.
function leases.lose(entry, text)
  local band, host, request = entries.open(entry)
  local losses, most = math.min(string.byte(request) + 1, 255), store.number('max_losses')
  request = string.char(losses) .. string.sub(request, 2)
  store.counter('losses', 1)
  if most > 0 and losses >= most then return leases.dead(band, host, request, 'WorkerLost', text) end
  leases.suspects[#leases.suspects + 1] = entries.head(band, host) .. request
  store.count('queued', 1)
  store.count('suspects', 1)
end

-- Wait until the wall clock says `due`.
function leases.delay(entry, due)
  leases.delayed[#leases.delayed + 1] = clock.digits(due)
  leases.delayed[#leases.delayed + 1] = clock.digits(store.serial()) .. ':' .. entry
  store.count('delayed', 1)
end

-- Read and check what `write` will touch.
function leases.plan()
  redis.call('LLEN', store.key('suspects'))
  redis.call('ZCARD', store.key('delayed'))
  redis.call('XLEN', store.key('dead'))
  for index = #leases.returned, 1, -1 do
    local band, host, request = entries.open(leases.returned[index])
    queues.prepend(queues.load(host), band, request)
  end
  queues.plan()
  outbox.plan()
end

-- Write what was planned, and meta and tally with it.
function leases.write()
  for epoch, tokens in pairs(leases.ended) do store.send('HDEL', workers.leases_key(epoch), tokens) end
  store.send('RPUSH', store.key('suspects'), leases.suspects)
  store.send('ZADD', store.key('delayed'), leases.delayed)
  for index = 1, #leases.letters do redis.call('XADD', store.key('dead'), '*', unpack(leases.letters[index])) end
  queues.write()
  outbox.write()
  store.write()
end
