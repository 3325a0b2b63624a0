--@include queues
-- The outbox towards the pace store: `wake` holds host → serial for hosts that became non-empty.
local outbox = {pairs = {}}

-- Stage a host's wake-up with a new serial.
function outbox.wake(host)
  local last = #outbox.pairs
  outbox.pairs[last + 1], outbox.pairs[last + 2] = host, store.serial()
end

-- Stage the wake-ups of all hosts that the queues' plan filled.
function outbox.plan()
  for index = 1, #queues.filled do outbox.wake(queues.filled[index]) end
  if #outbox.pairs > 0 then redis.call('HLEN', store.key('wake')) end
end

function outbox.write()
  if #outbox.pairs > 0 then store.send('HSET', store.key('wake'), outbox.pairs) end
end
