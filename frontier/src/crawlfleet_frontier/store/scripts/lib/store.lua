--@include errors
--@include input
--@include clock
--@include permissions
-- The store as one call sees it: its keys, its meta and tally as they were read, and what the call will change in them.
-- Nothing here writes before `store.write()`; a script stages all its changes, checks, and then writes.
local store = {
  COMMANDS = {'HSET', 'HINCRBY'}, prefix = string.sub(KEYS[1], 1, -5),
  meta = {}, tally = {}, set = {}, counted = {}, increments = {},
}
local TALLY = {'admitted', 'queued', 'delayed', 'leased', 'done', 'dead', 'seen', 'hosts', 'suspects', 'capped', 'bits'}

-- The only place where a key's name is made.
function store.key(name, part)
  if part then return store.prefix .. name .. ':' .. part end
  return store.prefix .. name
end

-- Read meta and tally; refuse where there is no sentinel, or where the user may not use one of `commands`.
function store.open(commands)
  if string.sub(KEYS[1], -5) ~= ':meta' then errors.refuse('BADINPUT', 'KEYS[1] is not the meta key of a store') end
  permissions.need(KEYS[1], {'TIME', 'HGETALL', 'HMGET'})
  permissions.need(KEYS[1], commands)
  local flat = redis.call('HGETALL', KEYS[1])
  for index = 1, #flat, 2 do store.meta[flat[index]] = flat[index + 1] end
  if not store.meta.uid then errors.refuse('NOSENTINEL', 'there is no frontier at ' .. store.prefix) end
  local values = redis.call('HMGET', store.key('tally'), unpack(TALLY))
  for index = 1, #TALLY do
    store.tally[TALLY[index]] = tonumber(values[index] or 0) or store.broken('tally', TALLY[index])
  end
  store.now, store.micros = clock.now()
end

function store.broken(where, field)
  errors.refuse('LAYOUT', 'the field ' .. field .. ' of ' .. where .. ' is not a number: something else wrote it')
end

-- A number of meta, as this call leaves it.
function store.number(field)
  return tonumber(store.set[field] or store.meta[field]) or store.broken('meta', field)
end

-- Stage a field of meta; whole numbers keep all their digits.
function store.put(field, value)
  store.set[field] = type(value) == 'number' and clock.digits(value) or value
end

-- Stage a change of a number of the tally.
function store.count(field, change)
  if change == 0 then return end
  store.tally[field] = store.tally[field] + change
  store.counted[field] = true
end

-- Stage an increment of a counter (`counters`); refuses where it holds no whole number.
function store.counter(name, increment)
  if increment == 0 then return end
  if not store.increments[name] then
    local value = redis.call('HMGET', store.key('counters'), name)[1] or '0'
    if not string.find(value, '^%-?%d+$') then store.broken('counters', name) end
  end
  store.increments[name] = (store.increments[name] or 0) + increment
end

-- Advance the wall clock (delayed requests); `elapsed`: ms by the caller's own clock since its previous call.
function store.advance_wall(elapsed)
  store.put('wall', clock.advance(store.number('wall'), store.number('last'), store.now, elapsed))
  store.put('last', store.now)
end

-- Advance the lease clock, by one second at most.
function store.advance_leases()
  store.put('lease_clock', clock.advance(store.number('lease_clock'), store.number('lease_last'), store.now, 1000))
  store.put('lease_last', store.now)
end

-- The next serial of the outbox.
function store.serial()
  local serial = clock.serial(store.number('serial'), store.micros)
  store.put('serial', serial)
  return serial
end

-- Write meta, tally and counters as staged.
function store.write()
  local fields, numbers = {}, {}
  for field, value in pairs(store.set) do
    fields[#fields + 1] = field
    fields[#fields + 1] = value
  end
  for field in pairs(store.counted) do
    numbers[#numbers + 1] = field
    numbers[#numbers + 1] = clock.digits(store.tally[field])
  end
  if #fields > 0 then redis.call('HSET', KEYS[1], unpack(fields)) end
  if #numbers > 0 then redis.call('HSET', store.key('tally'), unpack(numbers)) end
  for name, increment in pairs(store.increments) do
    redis.call('HINCRBY', store.key('counters'), name, clock.digits(increment))
  end
end

-- Send `values` to `command key`, 500 at a time (an even number, for pairs): unpack is bounded. `from` and `to` bound them.
function store.send(command, key, values, from, to)
  to = to or #values
  for first = from or 1, to, 500 do
    redis.call(command, key, unpack(values, first, math.min(first + 499, to)))
  end
end
