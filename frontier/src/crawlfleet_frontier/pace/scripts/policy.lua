#!lua
-- Set the policy; the first call makes the store. It takes effect at the next exchange.
-- KEYS  meta of the pace store
-- ARGV  1 [version, default delay ms, default open requests,
--          [[pattern, delay ms | -1 the default's, open requests | -1 the default's, blocked 0|1]... ≤ 1000]]
--       A pattern is a host, or `*.` and a suffix.
-- reply [1 changed | 0 this version stands already]
--@include errors
--@include input
--@include clock
--@include keys
--@include batches
--@include policy
local DAY = 86400000
local MOST_OPEN = 1000

local function arguments()
  local given = input.array(4)
  input.text(given[1], 'version', 200)
  input.integer(given[2], 'default delay', 0, DAY)
  input.integer(given[3], 'default open', 1, MOST_OPEN)
  input.list(given[4], 'overrides', 1000)
  for index = 1, #given[4] do
    local override, name = given[4][index], 'overrides[' .. (index - 1) .. ']'
    input.list(override, name, 4)
    input.text(override[1], name .. ' pattern', 255)
    input.integer(override[2], name .. ' delay', -1, DAY)
    input.integer(override[3], name .. ' open', -1, MOST_OPEN)
    input.integer(override[4], name .. ' block', 0, 1)
    if override[1] == '' or override[3] == 0 then
      errors.refuse('BADINPUT', name .. ' needs a pattern, and at least one open request (to allow none, block the host)')
    end
  end
  return given
end

local function found(now, micros)
  local digits = string.format('%.0f', micros)
  local id = string.sub(redis.sha1hex(keys.meta .. digits), 1, 16)
  local fields = batches.of('HSET', keys.meta)
  for _, value in ipairs({'id', id, 'created', digits, 'wall', now, 'last', now}) do fields[#fields + 1] = value end
end

local function write_overrides(list)
  local fields = batches.of('HSET', keys.policy)
  for index = 1, #list do
    fields[#fields + 1] = list[index][1]
    fields[#fields + 1] = policy.pack(list[index][2], list[index][3], list[index][4])
  end
end

local function set()
  local given = arguments()
  local there = redis.call('HMGET', keys.meta, 'id', 'version', 'serial')
  if there[1] and there[2] == given[1] then return cmsgpack.pack({0}) end
  redis.call('HLEN', keys.policy)
  if not there[1] then found(clock.now()) end
  batches.delete(keys.policy)
  write_overrides(given[4])
  local fields = batches.of('HSET', keys.meta)
  local serial = tonumber(there[3] or 0) + 1
  for _, value in ipairs({
    'version', given[1], 'serial', serial, 'delay', given[2], 'open', given[3], 'overrides', #given[4], 'sweep', there[1] and '0' or '',
  }) do fields[#fields + 1] = value end
  batches.commit()
  return cmsgpack.pack({1})
end

return errors.answer(set)
