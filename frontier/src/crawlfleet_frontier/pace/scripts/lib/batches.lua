--@include permissions
-- What a script is going to write, collected while it reads and thinks. `commit` asks for all permissions and types, then
-- writes, so that nothing is written where anything is refused. A batch is one command on one key with many values.
local batches = {all = {}, named = {}}
local MOST = 1000  -- values in one command
local LENGTH = {HSET = 'HLEN', HDEL = 'HLEN', ZADD = 'ZCARD', ZREM = 'ZCARD'}  -- fails where the key is of another type

-- The list to append values to: member, score member, or field value, as the command wants. Ask once, append often.
function batches.of(command, key)
  local name = command .. key
  local batch = batches.named[name]
  if not batch then
    batch = {command = command, key = key, values = {}}
    batches.named[name] = batch
    batches.all[#batches.all + 1] = batch
  end
  return batch.values
end

-- Remove a whole key.
function batches.delete(key)
  batches.all[#batches.all + 1] = {command = 'UNLINK', key = key, values = {}, whole = true}
end

local function send(batch)
  if batch.whole then redis.call(batch.command, batch.key) end
  for first = 1, #batch.values, MOST do
    redis.call(batch.command, batch.key, unpack(batch.values, first, math.min(first + MOST - 1, #batch.values)))
  end
end

local function check(batch)
  permissions.need(batch.key, {batch.command})
  if not batch.whole then redis.call(LENGTH[batch.command], batch.key) end
end

function batches.commit()
  for index = 1, #batches.all do
    local batch = batches.all[index]
    if batch.whole or #batch.values > 0 then check(batch) end
  end
  for index = 1, #batches.all do send(batches.all[index]) end
end
