--@include queues
-- The outbox towards the pace store: `wake` holds host → serial for hosts that became non-empty.
local outbox = {COMMANDS = {'HLEN'}, pairs = {}}

-- Stage a host's wake-up with a new serial.
function outbox.wake(host)
  outbox.pairs[#outbox.pairs + 1] = host
  outbox.pairs[#outbox.pairs + 1] = clock.digits(store.serial())
end

-- Stage the wake-ups of all hosts that the queues' plan filled.
function outbox.plan()
  redis.call('HLEN', store.key('wake'))
  for index = 1, #queues.filled do outbox.wake(queues.filled[index]) end
end

function outbox.write()
  store.send('HSET', store.key('wake'), outbox.pairs)
end
