--@include keys
--@include meta
--@include batches
--@include record
-- The hosts that this call has to do with: read in one go, changed in memory, written back at the end.
-- A host that has work and was never asked needs no record: it stands in `ready` with the score want - FRESH, which is
-- negative, so before all that have a time, and among its like in the order in which they came.
local hosts = {known = {}, list = {}, first = math.huge}
local FRESH = meta.FRESH
local clock_set, clock_gone, ready_add, ready_gone, resting_add, resting_gone = {}, {}, {}, {}, {}, {}

local function add(host)
  hosts.known[host.name] = host
  hosts.list[#hosts.list + 1] = host
end

local function add_fresh(name, score)
  local host = record.new(name)
  host.fresh = true
  if score then
    host.want = score + FRESH
    host.was = 'ready'
  end
  add(host)
end

local function read_fresh(names)
  for first = 1, #names, 1000 do
    local last = math.min(first + 999, #names)
    local scores = redis.call('ZMSCORE', keys.ready, unpack(names, first, last))
    for index = first, last do
      local score = tonumber(scores[index - first + 1] or nil)
      add_fresh(names[index], score and score < 0 and score)
    end
  end
end

-- Read the hosts of these names that are not there yet.
function hosts.load(names)
  if #names == 0 then return end
  local asked, missing, absent = {}, {}, {}
  for index = 1, #names do
    local name = names[index]
    if not hosts.known[name] and not asked[name] then
      asked[name] = true
      missing[#missing + 1] = name
    end
  end
  for first = 1, #missing, 1000 do
    local last = math.min(first + 999, #missing)
    local values = redis.call('HMGET', keys.clock, unpack(missing, first, last))
    batches.read(keys.clock)
    for index = first, last do
      local value = values[index - first + 1]
      if value then add(record.unpack(missing[index], value)) else absent[#absent + 1] = missing[index] end
    end
  end
  if #absent > 0 then read_fresh(absent) end
end

-- A host found in `ready` with a negative score.
function hosts.load_fresh(name, score)
  if not hosts.known[name] then add_fresh(name, score) end
  return hosts.known[name]
end

-- This host is going to be written; as one that was never asked, without a record, where it is one and not `lasting`.
function hosts.touch(host, lasting)
  host.touched = true
  if lasting and host.fresh then
    host.fresh = false
    record.settle(host)
  end
end

-- Change a host's number of open slots.
function hosts.open(host, slots)
  host.open = host.open + slots
  meta.held = meta.held + slots
  hosts.touch(host, true)
end

local function put(scores, score, name)
  local last = #scores
  scores[last + 1] = score
  scores[last + 2] = name
end

-- Write or drop the record. Returns where the host stands from now on.
local function write_record(host)
  local place = record.place(host)
  if host.collected then
    clock_gone[#clock_gone + 1] = host.name
    return 'absent'
  end
  if host.fresh then return place == 'ready' and place or 'absent' end
  put(clock_set, host.name, record.pack(host))
  return place
end

local function write(host)
  local place = write_record(host)
  if place == 'ready' then
    local due = record.due(host)
    if due < hosts.first then hosts.first = due end
    put(ready_add, host.fresh and host.want - FRESH or due, host.name)
  elseif host.was == 'ready' then
    ready_gone[#ready_gone + 1] = host.name
  end
  if place == 'resting' then
    put(resting_add, record.kept_until(host), host.name)
  elseif host.was == 'resting' then
    resting_gone[#resting_gone + 1] = host.name
  end
end

-- Put all that changed into the batches. Returns when the first of all hosts read can be had.
function hosts.write()
  for index = 1, #hosts.list do
    local host = hosts.list[index]
    if host.touched then
      write(host)
    elseif host.was == 'ready' then
      hosts.first = math.min(hosts.first, record.due(host))
    end
  end
  batches.put('HSET', keys.clock, clock_set)
  batches.put('HDEL', keys.clock, clock_gone)
  batches.put('ZADD', keys.ready, ready_add)
  batches.put('ZREM', keys.ready, ready_gone)
  batches.put('ZADD', keys.resting, resting_add)
  batches.put('ZREM', keys.resting, resting_gone)
  return hosts.first
end

-- Collect records that say nothing any more: at most `most` are looked at.
function hosts.collect(most)
  local names = redis.call('ZRANGEBYSCORE', keys.resting, '-inf', meta.wall, 'LIMIT', 0, most)
  batches.read(keys.resting)
  if #names == 0 then return end
  hosts.load(names)
  for index = 1, #names do
    local host = hosts.known[names[index]]
    if not host.touched then
      hosts.touch(host, true)
      host.collected = record.place(host) == 'resting' and record.kept_until(host) <= meta.wall
    end
  end
end
