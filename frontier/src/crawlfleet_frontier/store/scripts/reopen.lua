#!lua flags=allow-oom
-- Let a closed job take pushes again.
-- ARGV[1]  []
-- reply    [1 reopened | 0 it was open]
-- errors   NOSENTINEL
--@include store

local function main()
  input.array(0)
  store.open({'uid'})
  if store.text('state') == 'open' then return cmsgpack.pack({0}) end
  store.put('state', 'open')
  store.write()
  return cmsgpack.pack({1})
end

return errors.answer(main)
