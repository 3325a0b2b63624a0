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
local max, min = math.max, math.min

function giving.begin(caller, horizon, open_ms)
  giving.id = grants.id(caller.epoch) .. '-' .. string.format('%.0f', caller.number) .. '.'
  giving.epoch_id = string.sub(giving.id, 1, 12)
  giving.limit = meta.wall + horizon
  giving.deadline = giving.limit + meta.SEND_WINDOW + open_ms
end

-- One grant of at most `slots`, from `due` on: several only without a delay. Returns how many.
local function give(host, slots, due, asked)
  local delay, at = record.delay(host), max(due, meta.wall)
  local several = delay == 0
  slots = several and min(slots, host.limit - host.open) or 1
  local grant = {
    token = giving.id .. (#giving.list + 1), id = giving.epoch_id, host = host.name, at = at,
    deadline = giving.deadline, slots = slots, several = several and 1 or 0, over = false, kept = false,
  }
  grants.keep(grant)
  hosts.open(host, slots)
  if several or host.limit > 1 then record.arrived(host, at) end
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

-- Slots of hosts by name: [[host, slots]...]. Returns the refused, each with when to ask again or -1 (blocked).
function giving.ask(asks)
  local names, refused = {}, {}
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
    if giving.slots == 0 or host.open >= host.limit then return end
    due = record.due(host)
  end
end

local function scored(low, high, count)
  local flat = redis.call('ZRANGEBYSCORE', keys.ready, low, high, 'WITHSCORES', 'LIMIT', 0, count)
  local names, scores = {}, {}
  for index = 1, #flat, 2 do
    names[#names + 1] = flat[index]
    scores[#scores + 1] = tonumber(flat[index + 1])
  end
  return names, scores
end

-- Read the candidates that may be due; what stands in `ready` with another moment than it has is set right.
local function load(fresh, fresh_scores, timed, timed_scores)
  for index = 1, #fresh do hosts.load_fresh(fresh[index], fresh_scores[index]) end
  local due = {}
  for index = 1, #timed do
    if timed_scores[index] <= giving.limit then due[index] = timed[index] end
  end
  hosts.load(due)
  for index = 1, #due do
    local host = hosts.known[due[index]]
    if record.due(host) ~= timed_scores[index] then hosts.touch(host, true) end
  end
  return due
end

-- Candidates in the order in which they are served: new hosts and timed ones in turn, then those this call named.
local function serve_all(fresh, timed, named, latest)
  for index = 1, max(#fresh, #timed) do
    if fresh[index] then serve(hosts.known[fresh[index]], latest) end
    if timed[index] then serve(hosts.known[timed[index]], latest) end
  end
  for index = 1, named do serve(hosts.list[index], latest) end
end

-- The moment of the first host in `ready` that was not read: of those listed, or not before the last one listed.
local function first_unread(timed, scores, count)
  for index = 1, #timed do
    if not hosts.known[timed[index]] then return scores[index] end
  end
  return #timed == count and scores[count] or math.huge
end

-- Take slots of what is due: of at most so many hosts, so many slots. Returns the moment of the first host not looked at.
function giving.take(most_hosts, most_slots)
  giving.hosts, giving.slots = most_hosts, most_slots
  local named, count = #hosts.list, min(most_hosts, most_slots) + MARGIN
  local fresh, fresh_scores = scored('-inf', '(0', count)
  local timed, timed_scores = scored('0', '+inf', count)
  local due = load(fresh, fresh_scores, timed, timed_scores)
  serve_all(fresh, due, named, meta.wall)
  if giving.limit > meta.wall then serve_all({}, due, named, giving.limit) end
  local unread = first_unread(timed, timed_scores, count)
  if #giving.list > 0 then grants.watch(string.sub(giving.id, 1, -2) .. ':' .. #giving.list, giving.deadline) end
  return #fresh == count and min(unread, record.next(hosts.known[fresh[count]])) or unread
end
