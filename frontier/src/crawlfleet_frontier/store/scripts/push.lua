#!lua
-- Admit requests that were not admitted before.
-- KEYS[2]  where the batch was read from a user's start URL key or `seeds`: that key
-- ARGV     [[id, host, band 0 … 7, payload, id, host, …], key that was read or "", [entries to remove from it, …]], epoch, number
--          unnumbered (epoch "" or absent, or number 0): an operator, any producer, a fenced worker
-- reply    [admitted, known, left out over the host's cap, [0-based indices of those admitted],
--          [host, serial, … of hosts that had nothing before: their wake-ups, which are in the outbox as well]]
-- bounds   500 requests and 1 MiB of payloads; 500 entries
-- errors   NOSENTINEL, FENCED, ORDER, CLOSED, TOOBIG, BADINPUT
-- Entries are removed from a LIST only where they are still its head, from a SET or ZSET where they are still there.
-- A request left out is not in the seen set: it is asked about again when it is found again.
--@include seen
--@include outbox
--@include workers
local MOST_REQUESTS, MOST_BYTES = 500, 1048576
local REMOVERS = {list = 'LTRIM', set = 'SREM', zset = 'ZREM'}

local BANDS = {[0] = true, true, true, true, true, true, true, true}
local find, byte, type = string.find, string.byte, type

-- Whether a string is a signed 64-bit number in decimal, as Redis' arrays of integers write it.
local function is_id(id)
  if not find(id, '^%-?[1-9]%d*$') then return id == '0' end
  if #id < 19 then return true end
  if byte(id) == 45 then return #id == 19 or #id == 20 and id <= '-9223372036854775808' end
  return #id == 19 and id <= '9223372036854775807'
end

-- Refuse the request whose id is at this place: something about it is wrong.
local function refuse(requests, at)
  local id, host, band = requests[at], requests[at + 1], requests[at + 2]
  local wrong = 'a payload that is not a string'
  if type(id) ~= 'string' or not is_id(id) then
    wrong = 'an id that is not a signed 64-bit number in decimal'
  elseif type(host) ~= 'string' or #host > 255 then
    wrong = 'a host that is not a string of at most 255 bytes'
  elseif not BANDS[band or -1] then
    wrong = 'a band that is not one of 0 to 7'
  end
  errors.refuse('BADINPUT', 'request ' .. (at - 1) / 4 .. ' has ' .. wrong)
end

local function check_drained(key, drained)
  input.text(key, 'the key that was read', 10000)
  input.list(drained, 'entries', 500)
  for index = 1, #drained do input.text(drained[index], 'an entry', math.huge) end
  if key ~= '' and key ~= KEYS[2] then errors.refuse('BADINPUT', 'the key that was read is not KEYS[2]') end
end

local function is_head(key, drained)
  local head = redis.call('LRANGE', key, 0, #drained - 1)
  for index = 1, #drained do
    if head[index] ~= drained[index] then return false end
  end
  return true
end

-- How the entries leave their key: a function that does it, or nil.
local function removal(key, drained)
  if key == '' or #drained == 0 then return nil end
  local kind = redis.call('TYPE', key).ok
  if kind == 'none' then return nil end
  if not REMOVERS[kind] then errors.refuse('BADINPUT', 'a ' .. kind .. ' is no start URL key: use a LIST, SET or ZSET') end
  permissions.need(key, {'TYPE', 'LRANGE', REMOVERS[kind]})
  if kind ~= 'list' then return function() store.send(REMOVERS[kind], key, drained) end end
  if is_head(key, drained) then return function() redis.call('LTRIM', key, #drained, -1) end end
end

-- What hosts were given so far, read once each; a host's counting begins with the cap.
local function count_of(counts, host)
  local count = counts[host]
  if not count then
    local key = directory.key(counts.directory, host)
    local value = redis.call('HGET', key, host)
    count = {key = key, host = host, known = value ~= false, value = tonumber(value or 0)}
    counts[host], counts[#counts + 1] = count, count
  end
  return count
end

-- Whether the host has what it may be given; where not, one more is counted.
local function capped(counts, host)
  local count = count_of(counts, host)
  if count.value >= counts.most then return true end
  if not count.known then store.count('capped', 1) end
  count.known, count.changed, count.value = true, true, count.value + 1
  return false
end

-- Stage what was not admitted before; `counts` is there where a cap is set. Returns the 0-based indices of those admitted,
-- and how many were known and left out. What is known is well formed: only the others are looked at closely.
local function admit(requests, counts)
  local admitted, known, left_out, bytes, met, fine_hosts = {}, 0, 0, 0, {}, {}
  local find_place, add = seen.find, seen.add
  for at = 1, #requests, 4 do
    local id, payload = requests[at], requests[at + 3]
    if type(id) ~= 'string' or type(payload) ~= 'string' then refuse(requests, at) end
    bytes = bytes + #payload
    local place = not met[id] and find_place(id)
    if not place then
      known = known + 1
    else
      local host = requests[at + 1]
      if not is_id(id) or not BANDS[requests[at + 2] or -1] then refuse(requests, at) end
      if not fine_hosts[host or false] and (type(host) ~= 'string' or #host > 255) then refuse(requests, at) end
      fine_hosts[host] = true
      if counts and capped(counts, host) then
        left_out = left_out + 1
      else
        met[id] = true
        add(id, place)
        admitted[#admitted + 1] = (at - 1) / 4
      end
    end
  end
  if bytes > MOST_BYTES then
    errors.refuse('TOOBIG', 'payloads of ' .. bytes .. ' bytes, at most ' .. MOST_BYTES .. ' a call')
  end
  return admitted, known, left_out
end

-- Put those admitted into the queues of their hosts.
local function queue(requests, admitted)
  local hosts, lists, bands = {}, {}, {}
  for index = 1, #admitted do
    local at = 4 * admitted[index]
    local host, band, request = requests[at + 2], requests[at + 3], '\0' .. requests[at + 4]
    local list = lists[host]
    if not list then
      lists[host], bands[host], hosts[#hosts + 1] = {request}, band, host
    else
      local count, before = #list, bands[host]
      if before ~= band and type(before) == 'number' then
        bands[host] = {}
        for each = 1, count do bands[host][each] = before end
      end
      list[count + 1] = request
      if type(bands[host]) == 'table' then bands[host][count + 1] = band end
    end
  end
  queues.append_all(hosts, lists, bands)
end

local function open_counts()
  local most = store.number('host_cap')
  return most > 0 and {most = most, directory = directory.open('n', 'n_buckets', 'capped')} or nil
end

local function write_counts(counts)
  for index = 1, #counts do
    local count = counts[index]
    if count.changed then directory.put(counts.directory, count.key, count.host, count.value) end
  end
  directory.write(counts.directory)
end

local function plan(admitted, known, left_out, counts)
  store.count('admitted', #admitted)
  store.count('queued', #admitted)
  store.counter('known', known)
  store.counter('left_out:host_cap', left_out)
  seen.plan()
  queues.plan()
  outbox.plan()
  if counts then directory.plan(counts.directory) end
end

local function push(given)
  local remove, counts = removal(given[2], given[3]), open_counts()
  seen.open()
  local admitted, known, left_out = admit(given[1], counts)
  if #admitted > 0 then queue(given[1], admitted) end
  plan(admitted, known, left_out, counts)
  queues.extend()
  if remove then remove() end
  seen.write()
  queues.write()
  if counts then write_counts(counts) end
  outbox.write()
  store.write()
  return {#admitted, known, left_out, admitted, outbox.pairs}
end

local function main()
  local given = input.array(3)
  input.list(given[1], 'requests', 4 * MOST_REQUESTS)
  check_drained(given[2], given[3])
  store.open({'uid', 'serial', 'state', 'h_buckets', 's_buckets', 'dedupe', 'host_cap'}, {'admitted', 'queued', 'seen', 'hosts'})
  local is_numbered = (ARGV[2] or '') ~= '' and ARGV[3] ~= '0'
  local repeated = is_numbered and workers.open(true)
  if repeated then return repeated end
  if store.text('state') ~= 'open' then errors.refuse('CLOSED', 'the job is closed: reopen it before pushing') end
  local reply = push(given)
  return is_numbered and workers.close(reply) or cmsgpack.pack(reply)
end

return errors.answer(main)
