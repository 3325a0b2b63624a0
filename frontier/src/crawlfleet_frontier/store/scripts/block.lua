#!lua flags=allow-oom
-- The queued requests of a host become dead letters.
-- ARGV[1]  [host, reason]
-- reply    [moved, left]; 500 a call: call again until nothing is left
-- errors   NOSENTINEL, BADINPUT
-- Delayed, suspect and leased requests of the host are not touched: they are blocked when they are queued again.
--@include endings

local function main()
  local given = input.array(2)
  local host, reason = input.text(given[1], 'host', 255), input.text(given[2], 'reason', 100)
  store.open({'uid'})
  local queue = queues.load(host)
  local requests, bands = queues.take(queue, 500)
  for index = 1, #requests do
    endings.dead(type(bands) == 'table' and bands[index] or bands, host, requests[index], reason, '')
  end
  store.count('queued', -#requests)
  endings.plan()
  endings.write()
  return cmsgpack.pack({#requests, queue.waiting})
end

return errors.answer(main)
