--@include permissions
-- What a script is going to write, collected while it reads and thinks. `commit` asks for all permissions and types, then
-- writes, so that nothing is written where anything is refused. A batch is one command on one key with many values.
local batches = {}
local all, named, seen = {}, {}, {}
local MOST = 1000  -- values in one command
local LENGTH = {HSET = 'HLEN', HDEL = 'HLEN', ZADD = 'ZCARD', ZREM = 'ZCARD'}  -- fails where the key is of another type

-- The list to append values to: member, score member, or field value, as the command wants. Ask once, append often.
function batches.of(command, key)
  local name = command .. key
  local batch = named[name]
  if not batch then
    batch = {command = command, key = key, values = {}}
    named[name], all[#all + 1] = batch, batch
  end
  return batch.values
end

-- One more batch, of these values; none where there are none.
function batches.put(command, key, values)
  if #values > 0 then all[#all + 1] = {command = command, key = key, values = values} end
end

-- Note that this key was read: it is of its type.
function batches.read(key)
  seen[key] = true
end

-- Remove a whole key.
function batches.delete(key)
  all[#all + 1] = {command = 'UNLINK', key = key, values = {}, whole = true}
end

local function send(batch)
  if batch.whole then redis.call(batch.command, batch.key) end
  local values = batch.values
  for first = 1, #values, MOST do
    redis.call(batch.command, batch.key, unpack(values, first, math.min(first + MOST - 1, #values)))
  end
end

local function check(batch)
  permissions.ask(batch.key, batch.command)
  if not batch.whole and not seen[batch.key] then redis.call(LENGTH[batch.command], batch.key) end
end

function batches.commit()
  for index = 1, #all do
    local batch = all[index]
    if batch.whole or #batch.values > 0 then check(batch) end
  end
  for index = 1, #all do send(all[index]) end
end
