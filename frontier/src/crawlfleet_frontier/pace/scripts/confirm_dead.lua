#!lua flags=allow-oom
-- These processes have ended for certain, and so have their connections: their slots are free, one full delay from now.
-- KEYS  meta of the pace store
-- ARGV  1 [[epoch | pod UID (fits `<pod UID>:…`)... ≤ 500], [epochs to spare... ≤ 500]]
-- reply [slots freed]; at most 500 grants a call: call again until it is 0
--@include errors
--@include input
--@include keys
--@include meta
--@include hosts
--@include grants
--@include batches
local MOST = 500

local function set_of(value, name)
  local set = {}
  input.list(value, name, MOST)
  for index = 1, #value do set[input.text(value[index], name .. '[' .. (index - 1) .. ']', 200)] = true end
  return set
end

local function finish_all(tokens)
  grants.load(tokens)
  hosts.load(grants.hosts(tokens, {}))
  local slots = 0
  for index = 1, #tokens do
    local grant = grants.standing(tokens[index])
    if grant then
      slots = slots + grant.slots
      grants.finish(grant, meta.latest)
    end
  end
  return slots
end

local function forget(epoch)
  redis.call('HLEN', keys.epoch(epoch))
  batches.delete(keys.epoch(epoch))
  local epochs = batches.of('ZREM', keys.epochs)
  epochs[#epochs + 1] = epoch
end

local function confirm()
  local given = input.array(2)
  local dead, spared = set_of(given[1], 'dead'), set_of(given[2], 'spared')
  meta.read()
  meta.advance(nil)  -- what passes from here on is what has passed since these ended
  local left, slots = MOST, 0
  for _, epoch in ipairs(redis.call('ZRANGE', keys.epochs, 0, -1)) do
    if not spared[epoch] and (dead[epoch] or dead[string.match(epoch, '^[^:]*')]) and left > 0 then
      local tokens = redis.call('HKEYS', keys.grants(grants.id(epoch)))
      if #tokens <= left then forget(epoch) end
      local some = {unpack(tokens, 1, math.min(#tokens, left))}
      left = left - #some
      slots = slots + finish_all(some)
    end
  end
  grants.write()
  hosts.write()
  meta.write()
  batches.commit()
  return cmsgpack.pack({slots})
end

return errors.answer(confirm)
