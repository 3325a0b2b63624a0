#!lua
-- Admit requests that were not admitted before.
-- KEYS[2]  where the batch was read from a user's start URL key or `seeds`: that key
-- ARGV     [[[id, host, band 0 … 7, payload], …], key that was read or "", [entries to remove from it, …]], epoch, number
--          unnumbered (epoch "" or absent, or number 0): an operator, any producer, a fenced worker
-- reply    [admitted, known, left out over the host's cap, [0-based indices of those admitted]]
-- bounds   500 requests and 1 MiB of payloads; 500 entries
-- errors   NOSENTINEL, FENCED, ORDER, CLOSED, TOOBIG, BADINPUT
-- Entries are removed from a LIST only where they are still its head, from a SET or ZSET where they are still there.
-- A request left out is not in the seen set: it is asked about again when it is found again.
--@include seen
--@include outbox
--@include workers
local MOST_BYTES = 1048576
local REMOVERS = {list = 'LTRIM', set = 'SREM', zset = 'ZREM'}

-- Whether an id is a signed 64-bit number in decimal, as Redis' arrays of integers write it.
local function is_id(id)
  if type(id) ~= 'string' then return false end
  if not string.find(id, '^%-?[1-9]%d*$') then return id == '0' end
  if #id < 19 then return true end
  local negative = string.byte(id) == 45
  local digits = negative and string.sub(id, 2) or id
  return #digits < 19 or #digits == 19 and digits <= (negative and '9223372036854775808' or '9223372036854775807')
end

-- What is wrong with a request, or nil.
local function fault(request)
  if type(request) ~= 'table' then return 'is not a list' end
  local host, band = request[2], request[3]
  if not is_id(request[1]) then return 'has an id that is not a signed 64-bit number in decimal' end
  if type(host) ~= 'string' or #host > 255 then return 'has a host that is not a string of at most 255 bytes' end
  if type(band) ~= 'number' or band % 1 ~= 0 or band < 0 or band > 7 then return 'has a band that is not one of 0 to 7' end
  if type(request[4]) ~= 'string' then return 'has a payload that is not a string' end
end

local function check_requests(requests)
  local bytes = 0
  input.list(requests, 'requests', 500)
  for index = 1, #requests do
    local wrong = fault(requests[index])
    if wrong then errors.refuse('BADINPUT', 'request ' .. index - 1 .. ' ' .. wrong) end
    bytes = bytes + #requests[index][4]
  end
  if bytes > MOST_BYTES then
    errors.refuse('TOOBIG', 'payloads of ' .. bytes .. ' bytes, at most ' .. MOST_BYTES .. ' a call')
  end
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

-- The number of requests that a host may still be given; its counting begins with the cap.
local function room(counts, host)
  local count = counts[host]
  if not count then
    counts.directory = counts.directory or directory.open('n', 'n_buckets', 'capped')
    count = {key = directory.key(counts.directory, host), host = host}
    local value = redis.call('HGET', count.key, host)
    count.known, count.value = value ~= false, tonumber(value or 0)
    counts[host], counts[#counts + 1] = count, count
  end
  return store.number('host_cap') - count.value, count
end

local function capped(counts, host)
  if store.meta.host_cap == '0' then return false end
  local left, count = room(counts, host)
  if left <= 0 then return true end
  if not count.known then store.count('capped', 1) end
  count.known, count.changed, count.value = true, true, count.value + 1
  return false
end

local function admit(requests, counts)
  local admitted, known, left_out = {}, 0, 0
  for index = 1, #requests do
    local request = requests[index]
    if seen.has(request[1]) then
      known = known + 1
    elseif capped(counts, request[2]) then
      left_out = left_out + 1
    else
      seen.add(request[1])
      queues.append(queues.load(request[2]), request[3], '\0' .. request[4])
      admitted[#admitted + 1] = index - 1
    end
  end
  return admitted, known, left_out
end

local function write_counts(counts)
  for index = 1, #counts do
    local count = counts[index]
    if count.changed then redis.call('HSET', count.key, count.host, count.value) end
  end
  if counts.directory then directory.split(counts.directory) end
end

local function plan(admitted, known, left_out, counts)
  store.count('admitted', #admitted)
  store.count('queued', #admitted)
  store.counter('known', known)
  store.counter('left_out:host_cap', left_out)
  seen.plan()
  queues.plan()
  outbox.plan()
  if counts.directory then directory.plan(counts.directory) end
end

local function push(given)
  local remove, counts = removal(given[2], given[3]), {}
  seen.open()
  local admitted, known, left_out = admit(given[1], counts)
  plan(admitted, known, left_out, counts)
  if remove then remove() end
  seen.write()
  queues.write()
  write_counts(counts)
  outbox.write()
  store.write()
  return {#admitted, known, left_out, admitted}
end

local function main()
  local given = input.array(3)
  check_requests(given[1])
  check_drained(given[2], given[3])
  store.open(seen.COMMANDS)
  permissions.need(KEYS[1], store.COMMANDS)
  permissions.need(KEYS[1], queues.COMMANDS)
  permissions.need(KEYS[1], directory.COMMANDS)
  permissions.need(KEYS[1], workers.COMMANDS)
  local is_numbered = (ARGV[2] or '') ~= '' and ARGV[3] ~= '0'
  local repeated = is_numbered and workers.open()
  if repeated then return repeated end
  if store.meta.state ~= 'open' then errors.refuse('CLOSED', 'the job is closed: reopen it before pushing') end
  local reply = push(given)
  return is_numbered and workers.close(reply) or cmsgpack.pack(reply)
end

return errors.answer(main)
