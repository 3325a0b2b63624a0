#!lua flags=allow-oom
-- Move both clocks where no worker does it.
-- ARGV[1]  [ms since the caller's previous call; 0 where there was none]
-- reply    [lease clock, wall clock, epochs to reap]
-- errors   NOSENTINEL, BADINPUT
--@include workers

local function main()
  local elapsed = input.integer(input.array(1)[1], 'elapsed', 0, 2 ^ 52)
  store.open({'uid'})
  store.advance_leases()
  store.advance_wall(elapsed)
  local to_reap = workers.to_reap()
  store.write()
  return cmsgpack.pack({store.number('lease_clock'), store.number('wall'), to_reap})
end

return errors.answer(main)
