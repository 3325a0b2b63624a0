#!lua flags=allow-oom
-- The pace store was told of these hosts: strike them out of the outbox, where the serial is still the same.
-- ARGV[1]  [[[host, serial], …]]
-- reply    [struck out]
-- bounds   500 hosts
-- errors   NOSENTINEL, TOOBIG, BADINPUT
--@include store

local function check(told)
  local hosts = {}
  input.list(told, 'hosts', 500)
  for index = 1, #told do
    if type(told[index]) ~= 'table' then errors.refuse('BADINPUT', 'a host is not a pair of name and serial') end
    hosts[index] = input.text(told[index][1], 'a host', 255)
    input.integer(told[index][2], 'a serial', 0, 2 ^ 53)
  end
  return hosts
end

local function main()
  local told = input.array(1)[1]
  local hosts = check(told)
  store.open({'uid'})
  permissions.need(KEYS[1], {'HDEL'})
  local gone, serials = {}, #hosts > 0 and redis.call('HMGET', store.key('wake'), unpack(hosts)) or {}
  for index = 1, #hosts do
    if serials[index] and tonumber(serials[index]) == told[index][2] then gone[#gone + 1] = hosts[index] end
  end
  local removed = #gone > 0 and redis.call('HDEL', store.key('wake'), unpack(gone)) or 0
  return cmsgpack.pack({removed})
end

return errors.answer(main)
