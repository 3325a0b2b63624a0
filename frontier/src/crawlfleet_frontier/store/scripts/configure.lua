#!lua flags=allow-oom
-- Change the limits of a job that is there.
-- ARGV[1]  [host cap, stop pages, max losses]; 0 is no cap, no limit
-- reply    [1 changed | 0 they were so]
-- errors   NOSENTINEL, BADINPUT
-- A host cap that comes later counts from then on.
--@include store
local NAMES = {'host_cap', 'stop_pages', 'max_losses'}
local MOST = {9007199254740991, 9007199254740991, 100}

local function main()
  local given, changed = input.array(3), 0
  for index = 1, 3 do input.integer(given[index], NAMES[index], 0, MOST[index]) end
  store.open({'uid'})
  for index = 1, 3 do
    if store.number(NAMES[index]) ~= given[index] then
      store.put(NAMES[index], given[index])
      changed = 1
    end
  end
  store.write()
  return cmsgpack.pack({changed})
end

return errors.answer(main)
