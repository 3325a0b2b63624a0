--@include leases
--@include outbox
-- What becomes of requests whose leases end (`leases.leave`): `back`, `lose`, `dead`, `delay` stage it; the tally follows.
-- `plan` reads and checks, `write` writes.
local endings = {}
local suspects, delayed, letters, returned = {}, {}, {}, {}

-- Back to the front of its host, no loss counted. Several come back in their order: the last one is staged first.
function endings.back(entry)
  returned[#returned + 1] = entry
  store.count('queued', 1)
end

-- To the dead letters.
function endings.dead(band, host, request, reason, text)
  letters[#letters + 1] = {
    'reason', reason, 'error', text, 'host', host, 'band', band,
    'losses', string.byte(request), 'payload', string.sub(request, 2),
  }
  store.count('dead', 1)
end

-- A loss is counted; to the suspects, or to the dead letters where it was the last one allowed.
function endings.lose(entry, text)
  local band, host, request = entries.open(entry)
  local losses, most = math.min(string.byte(request) + 1, 255), store.number('max_losses')
  request = string.char(losses) .. string.sub(request, 2)
  store.counter('losses', 1)
  if most > 0 and losses >= most then return endings.dead(band, host, request, 'WorkerLost', text) end
  suspects[#suspects + 1] = entries.head(band, host) .. request
  store.count('queued', 1)
  store.count('suspects', 1)
end

-- Wait until the wall clock says `due`.
function endings.delay(entry, due)
  delayed[#delayed + 1] = due
  delayed[#delayed + 1] = clock.digits(store.serial()) .. ':' .. entry
  store.count('delayed', 1)
end

-- Read and check what `write` will touch.
function endings.plan()
  permissions.need(KEYS[1], {'RPUSH', 'ZADD', 'XADD'})
  if #suspects > 0 then redis.call('LLEN', store.key('suspects')) end
  if #delayed > 0 then redis.call('ZCARD', store.key('delayed')) end
  if #letters > 0 then redis.call('XLEN', store.key('dead')) end
  for index = #returned, 1, -1 do
    local band, host, request = entries.open(returned[index])
    queues.prepend(queues.load(host), band, request)
  end
  queues.plan()
  outbox.plan()
end

-- Write what was planned, and meta and tally with it.
function endings.write()
  leases.write()
  store.send('RPUSH', store.key('suspects'), suspects)
  store.send('ZADD', store.key('delayed'), delayed)
  for index = 1, #letters do redis.call('XADD', store.key('dead'), '*', unpack(letters[index])) end
  queues.write()
  outbox.write()
  store.write()
end
