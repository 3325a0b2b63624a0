--@include leases
--@include outbox
-- What becomes of requests whose leases end (`leases.leave`): `back`, `lose`, `dead`, `delay` stage it; the tally follows.
-- `plan` reads and checks, `write` writes.
local endings = {}
local suspects, delayed, letters, returned = {}, {}, {}, {}

local function suspect(entry)
  suspects[#suspects + 1] = entry
  store.count('queued', 1)
  store.count('suspects', 1)
end

-- Back to the front of its host, no loss counted; to the end of the suspects where losses were counted before. Several come
-- back in their order: `plan` stages the last one first.
function endings.back(entry)
  if entries.losses(entry) > 0 then return suspect(entry) end
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
  suspect(entries.head(band, host) .. request)
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
