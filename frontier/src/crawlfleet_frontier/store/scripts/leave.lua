#!lua flags=allow-oom
-- A worker goes: what it holds goes back to the front of its hosts (or to the suspects), no loss counted.
-- ARGV     [], epoch
-- reply    [leases moved, leases left]; 500 a call. At 0 left the worker is forgotten.
-- errors   NOSENTINEL, FENCED (also where it is forgotten already)
--@include ends

local function main()
  input.array(0)
  local epoch = workers.epoch()
  store.open({'uid'})
  workers.need(epoch)
  local row = ends.row(epoch)
  local moved = ends.empty(row, 500, false)
  ends.plan()
  ends.write({row}, false)
  return cmsgpack.pack({moved, row.held})
end

return errors.answer(main)
