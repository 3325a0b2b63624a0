#!lua flags=allow-oom
-- Close the job against pushes, if it is at its end.
-- KEYS[2]  the user's own start URL key, where seeds come by one
-- ARGV[1]  [admitted, as the operator saw it twice]
-- reply    [1 closed (or closed before) | 0 not at its end: nothing is changed]
-- errors   NOSENTINEL, BADINPUT
-- At its end: nothing queued, delayed or leased, seeded, no seed left, and `admitted` is what was seen.
--@include store
local LENGTHS = {list = 'LLEN', set = 'SCARD', zset = 'ZCARD', none = 'EXISTS'}

local function is_empty(key)
  local command = LENGTHS[redis.call('TYPE', key).ok]
  return command ~= nil and redis.call(command, key) == 0
end

local function at_its_end(admitted)
  for _, name in ipairs({'queued', 'delayed', 'leased'}) do
    if store.tallied(name) ~= 0 then return false end
  end
  return store.tallied('admitted') == admitted
    and store.text('seed_state') == 'seeded' and redis.call('LLEN', store.key('seeds')) == 0
    and (KEYS[2] == nil or is_empty(KEYS[2]))
end

local function main()
  local admitted = input.integer(input.array(1)[1], 'admitted', 0, 2 ^ 53)
  store.open({'uid', 'state'})
  if store.text('state') == 'closed' then return cmsgpack.pack({1}) end
  if not at_its_end(admitted) then return cmsgpack.pack({0}) end
  store.put('state', 'closed')
  store.write()
  return cmsgpack.pack({1})
end

return errors.answer(main)
