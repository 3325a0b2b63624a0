--@include keys
--@include meta
--@include record
--@include hosts
--@include grants
-- Giving slots out: to those who ask for a host by name, and to those who take what is due.
local giving = {list = {}, blocked = {}, hosts = 0, slots = 0}
local RETRY_FULL = 200          -- when to ask again where all slots are open (ms)
local KEPT_FOR_ASKER = 1000     -- how long a host is kept for one who was told when to ask again (ms)
local BLOCK_AGAIN = 300000      -- when a blocked host that still has work is reported again (ms)
local MARGIN = 16               -- candidates read beyond the hosts wanted
local FEW = 4                   -- candidates of each kind that are looked at before more are read
local max, min = math.max, math.min

function giving.begin(caller, horizon, open_ms)
  giving.caller = caller
  giving.limit = meta.wall + horizon
  giving.deadline = meta.latest + horizon + meta.SEND_WINDOW + open_ms
end

-- How the tokens of this call begin, made when the first one is given.
local function name_call()
  local caller = giving.caller
  giving.epoch_id = grants.id(caller.epoch)
  giving.id = giving.epoch_id .. '-' .. clock.digits(caller.number) .. '.'
end

-- One grant of at most `slots`, from `due` on: several only without a delay. Returns how many.
local function give(host, slots, due, asked)
  local delay, at = record.delay(host), max(due, meta.wall)
  local several = delay == 0
  if not giving.id then name_call() end
  slots = several and min(slots, host.limit - host.open) or 1
  local grant = {
    token = giving.id .. (#giving.list + 1), id = giving.epoch_id, host = host.name, at = at,
    deadline = giving.deadline, slots = slots, several = several and 1 or 0, over = false, kept = false,
  }
  grants.keep(grant)
  hosts.open(host, slots)
  if several or host.limit > 1 then
    record.arrived(host, at)
    host.moved = true
  end
  giving.list[#giving.list + 1] = {grant.token, host.name, slots, at - meta.wall, delay, asked}
  return slots
end

local function refuse(host)
  if host.block == 1 then return {host.name, -1} end
  local retry = max(record.next(host) - giving.limit, host.open >= host.limit and RETRY_FULL or 1)
  host.asked = max(host.asked, meta.wall + retry + KEPT_FOR_ASKER)
  hosts.touch(host, true)
  return {host.name, retry}
end

-- All that this call gives of a host was given: the next call's is a delay from where its last moment may yet come to stand.
local function gave(host)
  if host.moved then host.base, host.moved = host.base + meta.latest - meta.wall, nil end
end

-- Slots of hosts by name: [[host, slots]...]. Returns the refused, each with when to ask again or -1 (blocked).
function giving.ask(asks)
  local names, refused = {}, {}
  if #asks == 0 then return refused end
  for index = 1, #asks do names[index] = asks[index][1] end
  hosts.load(names)
  for index = 1, #asks do
    local host, left = hosts.known[asks[index][1]], asks[index][2]
    record.settle(host)
    local due = record.next(host)
    while left > 0 and host.block == 0 and host.open < host.limit and due <= giving.limit do
      left = left - give(host, left, due, 1)
      host.asked = 0
      due = record.next(host)
    end
    gave(host)
    if left == asks[index][2] then refused[#refused + 1] = refuse(host) end
  end
  return refused
end

local function report_block(host)
  giving.blocked[#giving.blocked + 1] = host.name
  host.asked = meta.wall + BLOCK_AGAIN
  hosts.touch(host, true)
end

-- Where this host is due until `latest`, give what it has within the horizon.
local function serve(host, latest)
  if giving.hosts == 0 or giving.slots == 0 or record.place(host) ~= 'ready' then return end
  record.settle(host)
  local due = record.due(host)
  if due > latest then return end
  if host.block == 1 then return report_block(host) end
  giving.hosts = giving.hosts - 1
  while due <= giving.limit do
    giving.slots = giving.slots - give(host, giving.slots, due, 0)
    if giving.slots == 0 or host.open >= host.limit then break end
    due = record.due(host)
  end
  gave(host)
end

-- The first of `ready` with scores from `low` to `high`: names, scores, and how many of them were read and may be due.
local function scored(low, high, count)
  local flat = redis.call('ZRANGEBYSCORE', keys.ready, low, high, 'WITHSCORES', 'LIMIT', 0, count)
  local names, scores = {}, {}
  for index = 1, #flat / 2 do names[index], scores[index] = flat[2 * index - 1], tonumber(flat[2 * index]) end
  return {names = names, scores = scores, due = 0}
end

-- Read some of the candidates; what stands in `ready` with another moment than it has is set right.
local function load(fresh, timed, first, last)
  for index = first, min(last, #fresh.names) do hosts.load_fresh(fresh.names[index], fresh.scores[index]) end
  local due = {}
  for index = first, min(last, #timed.names) do
    if timed.scores[index] <= giving.limit then due[#due + 1] = timed.names[index] end
  end
  hosts.load(due)
  for index = 1, #due do
    local host = hosts.known[due[index]]
    if record.due(host) ~= timed.scores[first + index - 1] then hosts.touch(host, true) end
  end
  timed.due = timed.due + #due
end

-- Serve candidates from the `from`-th on, new hosts and timed ones in turn; they are read as far as they are needed.
local function serve_due(fresh, timed, from)
  local size, last = FEW / 2, max(#fresh.names, #timed.names)
  while from <= last and giving.hosts > 0 and giving.slots > 0 do
    load(fresh, timed, from, from + size - 1)
    for index = from, from + size - 1 do
      if fresh.names[index] then serve(hosts.known[fresh.names[index]], meta.wall) end
      if index <= timed.due then serve(hosts.known[timed.names[index]], meta.wall) end
    end
    from, size = from + size, 2 * size
  end
end

-- Those this call named, and then what is due until the horizon.
local function serve_rest(timed, named)
  for index = 1, named do serve(hosts.list[index], meta.wall) end
  if giving.limit == meta.wall then return end
  for index = 1, timed.due do serve(hosts.known[timed.names[index]], giving.limit) end
  for index = 1, named do serve(hosts.list[index], giving.limit) end
end

-- The first moment of the hosts in `ready` that were not read: of those listed, or not before the last one listed.
local function first_unread(fresh, timed, count)
  for index = 1, #fresh.names do
    if index == count or not hosts.known[fresh.names[index]] then
      return record.next(hosts.load_fresh(fresh.names[index], fresh.scores[index]))
    end
  end
  for index = 1, #timed.names do
    if not hosts.known[timed.names[index]] then return timed.scores[index] end
  end
  return #timed.names == count and timed.scores[count] or math.huge
end

-- Take slots of what is due: of at most so many hosts, so many slots. Returns the moment of the first host not looked at.
-- A few candidates are looked at first: without a delay one host may have all the slots.
function giving.take(most_hosts, most_slots)
  giving.hosts, giving.slots = most_hosts, most_slots
  local wanted, named = min(most_hosts, most_slots), #hosts.list
  local count = wanted > 0 and FEW or 1
  local fresh, timed = scored('-inf', '(0', count), scored('0', '+inf', count)
  batches.read(keys.ready)
  if wanted > 0 then
    serve_due(fresh, timed, 1)
    if giving.hosts > 0 and giving.slots > 0 then
      local due = timed.due
      count = wanted + MARGIN
      fresh, timed = scored('-inf', '(0', count), scored('0', '+inf', count)
      timed.due = due
      serve_due(fresh, timed, FEW + 1)
      serve_rest(timed, named)
    end
  end
  if #giving.list > 0 then grants.watch(string.sub(giving.id, 1, -2) .. ':' .. #giving.list, giving.deadline) end
  return first_unread(fresh, timed, count)
end
