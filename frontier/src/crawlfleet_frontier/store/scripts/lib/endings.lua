--@include leases
--@include outbox
-- What becomes of requests whose leases end (`leases.leave`): `back`, `lose`, `dead`, `delay` stage it; the tally follows.
-- `plan` reads and checks, `write` writes.
local endings = {}
local LOST_TOGETHER = 2  -- where losses have no limit, a request goes out alone after so many
local suspects, delayed, letters, returned = {}, {}, {}, {}

local function suspect(entry)
  suspects[#suspects + 1] = entry
  store.count('queued', 1)
  store.count('suspects', 1)
end

-- Back to the front of its host, no loss counted; a suspect to the end of the suspects. Several come back in their order:
-- `plan` stages the last one first.
function endings.back(entry)
  if entries.is_suspect(entry) then return suspect(entry) end
  returned[#returned + 1] = entry
  store.count('queued', 1)
end

-- To the dead letters.
function endings.dead(band, host, request, reason, text)
  local losses, _, payload = entries.parts(request)
  letters[#letters + 1] = {
    'reason', reason, 'error', text, 'host', host, 'band', band, 'losses', losses, 'payload', payload,
  }
  store.count('dead', 1)
end

-- A loss is counted. What was alone at the last one allowed goes to the dead letters. Where the next one is the last, it is
-- suspect from now on; before that it goes back: what stood beside a page that kills is not to wait for its turn alone.
function endings.lose(entry, text)
  local band, host, request = entries.open(entry)
  local losses, was_alone, payload = entries.parts(request)
  local most = store.number('max_losses')
  losses = losses + 1
  local is_suspect = was_alone or losses >= (most > 0 and most - 1 or LOST_TOGETHER)
  request = entries.request(losses, is_suspect, payload)
  store.counter('losses', 1)
  if most == 1 or most > 0 and losses >= most and was_alone then
    return endings.dead(band, host, request, 'WorkerLost', text)
  end
  endings.back(entries.head(band, host) .. request)
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
