--@include errors
--@include input
--@include clock
--@include permissions
-- The store as one call sees it: its keys, its meta and tally as they were read, and what the call will change in them.
-- Nothing here writes before `store.write()`; a script stages all its changes, checks, and then writes.
-- Only what a call needs is read: `store.open` takes the fields that each call needs, the others follow when asked for.
local store = {
  prefix = string.sub(KEYS[1], 1, -5), tally_key = string.sub(KEYS[1], 1, -5) .. 'tally', meta = {}, tally = {},
}
local call, tonumber = redis.call, tonumber
local set, counted, increments = {}, {}, {}

-- The only place where a key's name is made (but for those that are made by the thousand: `seen`, `queues`).
function store.key(name, part)
  if part then return store.prefix .. name .. ':' .. part end
  return store.prefix .. name
end

local function read(key, fields, into)
  local values = call('HMGET', key, unpack(fields))
  for index = 1, #fields do into[fields[index]] = values[index] end
end

function store.broken(where, field)
  errors.refuse('LAYOUT', 'the field ' .. field .. ' of ' .. where .. ' is not a number: something else wrote it')
end

-- TIME in ms and in microseconds, read once a call.
function store.time()
  if not store.now then store.now, store.micros = clock.now() end
  return store.now, store.micros
end

-- A field of meta, as this call leaves it.
function store.text(field)
  local value = set[field] or store.meta[field]
  if value == nil then
    read(KEYS[1], {field}, store.meta)
    value = store.meta[field]
  end
  return value
end

-- A number of meta, as this call leaves it.
function store.number(field)
  return tonumber(set[field] or store.meta[field] or store.text(field) or nil) or store.broken('meta', field)
end

-- Stage a field of meta.
function store.put(field, value)
  set[field] = value
end

-- A number of the tally, as this call leaves it.
function store.tallied(field)
  local value = store.tally[field]
  if type(value) ~= 'number' then
    if value == nil then
      read(store.tally_key, {field}, store.tally)
      value = store.tally[field]
    end
    value = tonumber(value or 0) or store.broken('tally', field)
    store.tally[field] = value
  end
  return value
end

-- Read these fields of meta ('uid' first) and of the tally; refuse where there is no sentinel.
function store.open(fields, tally)
  if string.sub(KEYS[1], -5) ~= ':meta' then errors.refuse('BADINPUT', 'KEYS[1] is not the meta key of a store') end
  read(KEYS[1], fields, store.meta)
  if not store.meta.uid then errors.refuse('NOSENTINEL', 'there is no frontier at ' .. store.prefix) end
  if tally then
    read(store.tally_key, tally, store.tally)
    for index = 1, #tally do store.tallied(tally[index]) end
  end
  permissions.need(KEYS[1], {'HSET', 'HINCRBY'})
end

-- Stage a change of a number of the tally.
function store.count(field, change)
  if change == 0 then return end
  store.tally[field] = store.tallied(field) + change
  counted[field] = true
end

-- Stage an increment of a counter (`counters`); refuses where it holds no whole number.
function store.counter(name, increment)
  if increment == 0 then return end
  if not increments[name] then
    local value = call('HMGET', store.key('counters'), name)[1] or '0'
    if not string.find(value, '^%-?%d+$') then store.broken('counters', name) end
  end
  increments[name] = (increments[name] or 0) + increment
end

-- Advance the wall clock (delayed requests); `elapsed`: ms by the caller's own clock since its previous call.
function store.advance_wall(elapsed)
  local now = store.time()
  set.wall = clock.advance(store.number('wall'), store.number('last'), now, elapsed)
  set.last = now
end

-- Advance the lease clock, by one second at most.
function store.advance_leases()
  local now = store.time()
  set.lease_clock = clock.advance(store.number('lease_clock'), store.number('lease_last'), now, 1000)
  set.lease_last = now
end

-- The next serial of the outbox.
function store.serial()
  local _, micros = store.time()
  local serial = clock.serial(store.number('serial'), micros)
  set.serial = serial
  return serial
end

-- Write meta, tally and counters as staged. (Redis writes a Lua number below 2^53 with all its digits.)
function store.write()
  local fields, numbers, last = {}, {}, 0
  for field, value in pairs(set) do
    fields[last + 1], fields[last + 2] = field, value
    last = last + 2
  end
  if last > 0 then call('HSET', KEYS[1], unpack(fields)) end
  last = 0
  for field in pairs(counted) do
    numbers[last + 1], numbers[last + 2] = field, store.tally[field]
    last = last + 2
  end
  if last > 0 then call('HSET', store.tally_key, unpack(numbers)) end
  for name, increment in pairs(increments) do call('HINCRBY', store.key('counters'), name, increment) end
end

-- Send `values` to `command key`, 500 at a time (an even number, for pairs): unpack is bounded. `from` and `to` bound them.
function store.send(command, key, values, from, to)
  to = to or #values
  for first = from or 1, to, 500 do
    call(command, key, unpack(values, first, math.min(first + 499, to)))
  end
end
