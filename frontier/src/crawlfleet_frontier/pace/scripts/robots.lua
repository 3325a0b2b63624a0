#!lua
-- What the robots.txt of an origin said, for the whole fleet: read it, claim the right to fetch it, write what it said.
-- KEYS  meta of the pace store
-- ARGV  1 [elapsed ms since this epoch's last call here, [origin to read... ≤ 100], [[origin, claim ms]... ≤ 100],
--          [[origin, status ok|allow|disallow, text, how long it holds ms]... ≤ 100 and ≤ 4 MiB], epoch]
-- reply [[origin, status, text, ms left]... for each read, then each claimed]; further statuses: unknown (nobody has
--        it), fetching (another epoch does), yours (this epoch does: fetch it and write it)
-- Not numbered: the same call again says and changes the same.
--@include errors
--@include input
--@include caller
--@include keys
--@include meta
--@include batches
local DAY = 86400000
local LARGEST, MOST_BYTES = 1048576, 4194304
local STATUSES = {ok = true, allow = true, disallow = true}
local known = {}

local function entries(value, name, width)
  input.list(value, name, 100)
  for index = 1, #value do
    if width > 1 then
      local entry = value[index]
      if type(entry) ~= 'table' or #entry < width then
        errors.refuse('BADINPUT', name .. '[' .. (index - 1) .. '] is not a list of ' .. width)
      end
    end
    input.text(width > 1 and value[index][1] or value[index], name .. ' origin', 300)
  end
end

local function arguments()
  local given = input.array(5)
  input.integer(given[1], 'elapsed', 0, 9007199254740991)
  entries(given[2], 'reads', 1)
  entries(given[3], 'claims', 2)
  entries(given[4], 'writes', 4)
  input.text(given[5], 'epoch', 200)
  local bytes = 0
  for _, claim in ipairs(given[3]) do input.integer(claim[2], 'claim ms', 1, DAY) end
  for _, write in ipairs(given[4]) do
    input.word(write[2], 'status', STATUSES)
    bytes = bytes + #input.text(write[3], 'text of ' .. write[1], LARGEST)
    input.integer(write[4], 'ttl', 1, 30 * DAY)
  end
  if bytes > MOST_BYTES then errors.refuse('TOOBIG', 'writes have ' .. bytes .. ' bytes, at most ' .. MOST_BYTES) end
  return given
end

-- An entry: until, status, and the text or who fetches it.
local function read(origin)
  if known[origin] == nil then
    local packed = redis.call('HGET', keys.robots, origin)
    local entry = packed and cmsgpack.unpack(packed) or nil
    known[origin] = entry and entry[1] > meta.wall and entry or false
  end
  return known[origin] or nil
end

local function write(origin, until_ms, status, text)
  known[origin] = {until_ms, status, text}
  local fields = batches.of('HSET', keys.robots)
  fields[#fields + 1] = origin
  fields[#fields + 1] = cmsgpack.pack(known[origin])
end

local function answer(origin)
  local entry = read(origin)
  if not entry then return {origin, 'unknown', '', 0} end
  return {origin, entry[2], entry[2] == 'fetching' and '' or entry[3], entry[1] - meta.wall}
end

local function claim(origin, claim_ms, epoch)
  local entry = read(origin)
  if entry and not (entry[2] == 'fetching' and entry[3] == epoch) then return answer(origin) end
  write(origin, meta.wall + claim_ms, 'fetching', epoch)
  return {origin, 'yours', '', claim_ms}
end

-- Look at a few entries and drop those that are over and not of this call.
local function collect()
  local found = redis.call('HSCAN', keys.robots, meta.sweep_robots == '' and '0' or meta.sweep_robots, 'COUNT', 5)
  local over = batches.of('HDEL', keys.robots)
  for index = 1, #found[2], 2 do
    if known[found[2][index]] == nil and cmsgpack.unpack(found[2][index + 1])[1] <= meta.wall then
      over[#over + 1] = found[2][index]
    end
  end
  meta.sweep_robots = found[1]
end

local function robots()
  local given = arguments()
  meta.read()
  caller.read(given[5])
  caller.advance(given[1])
  local answers = {}
  for _, entry in ipairs(given[4]) do write(entry[1], meta.wall + entry[4], entry[2], entry[3]) end
  for _, origin in ipairs(given[2]) do answers[#answers + 1] = answer(origin) end
  for _, entry in ipairs(given[3]) do answers[#answers + 1] = claim(entry[1], entry[2], given[5]) end
  if #given[4] > 0 then collect() end
  if caller.wall then caller.write() end
  meta.write()
  batches.commit()
  return cmsgpack.pack(answers)
end

return errors.answer(robots)
