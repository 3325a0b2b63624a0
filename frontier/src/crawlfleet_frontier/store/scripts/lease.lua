#!lua flags=allow-oom
-- Take requests of the hosts for which the worker has slots; end leases whose requests are done, and promote delayed
-- requests that are due on the way.
-- ARGV     [[[host, most], …], alone 0 | 1, ms since the worker's previous call, [token, …] done], epoch, number
-- reply    [[entry, …], [host, serial, … named here and empty now], [host, serial, … pending wake-ups], suspects,
--          turn 0 | 1, pages left until stop_pages (-1 = no limit), [tokens that are not leases of this epoch, …],
--          number of this call]
--          The token of the i-th entry is `<number of this call>.<i>`; an entry is what `l:<epoch>` holds (`entries`).
-- bounds   200 hosts, 500 requests, 500 tokens; 100 promotions; 200 wake-ups (50 where hosts are named); no host is begun after
--          1 MiB of payloads
-- errors   NOSENTINEL, FENCED, ORDER, TOOBIG, BADINPUT
-- turn = 1: this worker is named to take suspects: it should finish what it holds and ask with alone = 1, and again while
-- it finishes: the turn passes on where it has not asked so for the job's silence (by the lease clock). Then hosts are
-- ignored, and it is given one suspect if it holds nothing. While it holds a suspect, it is given nothing else.
-- A delayed suspect goes to the suspects when it is due.
--@include leases
--@include outbox
local DIGITS = {[0] = '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'}
local MOST_PROMOTED, MOST_WAKES, FEW_WAKES, MOST_BYTES = 100, 200, 50, 1048576

local function check_hosts(hosts)
  local total = 0
  input.list(hosts, 'hosts', 200)
  for index = 1, #hosts do
    if type(hosts[index]) ~= 'table' then errors.refuse('BADINPUT', 'a host is not a pair of name and number') end
    input.text(hosts[index][1], 'a host', 255)
    total = total + input.integer(hosts[index][2], 'a host\'s number of requests', 0, 500)
  end
  if total > 500 then errors.refuse('TOOBIG', total .. ' requests, at most 500 a call') end
end

local function check_done(tokens)
  input.list(tokens, 'done', 500)
  for index = 1, #tokens do
    if type(tokens[index]) ~= 'string' then errors.refuse('BADINPUT', 'a token of done is not a string') end
  end
end

-- Queue what is due of the delayed, suspects among the suspects; returns the members that go.
local function promote(state)
  if store.tallied('delayed') == 0 then return {} end
  local now = clock.digits(store.number('wall'))
  local due = redis.call('ZRANGE', store.key('delayed'), '-inf', now, 'BYSCORE', 'LIMIT', 0, MOST_PROMOTED)
  for index = 1, #due do
    local entry = string.sub(due[index], string.find(due[index], ':', 1, true) + 1)
    if entries.is_suspect(entry) then
      state.suspects[#state.suspects + 1] = entry
    else
      local band, host, request = entries.open(entry)
      queues.append(queues.load(host), band, request)
    end
  end
  store.count('suspects', #state.suspects)
  store.count('delayed', -#due)
  store.count('queued', #due)
  return due
end

-- The pages that may still be leased.
local function room()
  local stop = store.number('stop_pages')
  if stop == 0 then return math.huge end
  return math.max(0, stop - store.tallied('done') - store.tallied('leased'))
end

-- Stage leases of these requests of one host; `bands` as `queues.take` returns them. (Of each token only the last digit is
-- new: making text of numbers is dear.)
local function grant(state, host, requests, bands)
  local granted, values, at, bytes = state.granted, state.values, #state.granted, state.bytes
  local head, tens = type(bands) == 'number' and entries.head(bands, host), nil
  for index = 1, #requests do
    local entry = (head or entries.head(bands[index], host)) .. requests[index]
    at = at + 1
    local digit = at % 10
    if digit == 0 or not tens then tens = state.number .. (at > 9 and (at - digit) / 10 or '') end
    granted[at], values[2 * at - 1], values[2 * at] = entry, tens .. DIGITS[digit], entry
    bytes = bytes + #entry
  end
  state.bytes = bytes
  store.count('leased', #requests)
  store.count('queued', -#requests)
end

-- Read the queues of these hosts.
local function load(hosts)
  local names, met = {}, {}
  for index = 1, #hosts do
    local host = hosts[index][1]
    if not met[host] and not queues.loaded[host] then met[host], names[#names + 1] = true, host end
  end
  queues.load_all(names)
end

local function grant_hosts(state, hosts)
  load(hosts)
  for index = 1, #hosts do
    local host, most = hosts[index][1], math.min(hosts[index][2], room())
    if state.bytes > MOST_BYTES or room() == 0 then return end
    local queue = queues.loaded[host]
    local requests, bands = queues.take(queue, most)
    if #requests > 0 then grant(state, host, requests, bands) end
    if queue.waiting == 0 then
      local last = #state.empty
      state.empty[last + 1], state.empty[last + 2] = host, store.serial()
    end
  end
end

local function grant_suspect(state)
  if workers.row.held > 0 or store.tallied('suspects') == 0 or room() == 0 then return end
  local entry = redis.call('LRANGE', store.key('suspects'), 0, 0)[1] or state.suspects[1]
  if not entry then return end
  local band, host, request = entries.open(entry)
  grant(state, host, {request}, band)
  store.count('suspects', -1)
  permissions.need(KEYS[1], {'LPOP'})
  workers.row.alone = '1'
  state.suspect = true
end

-- Whether the worker that is named to take suspects lives and has asked for one of late.
local function keeps_turn(named)
  return workers.is_live(named) and store.number('lease_clock') - store.number('suspect_asked') <= store.number('silence_ms')
end

-- Whether this worker is the one that takes suspects; names it where nobody is.
local function is_named(asks)
  local row, named, are_suspects = workers.row, store.text('suspect_epoch'), store.tallied('suspects') > 0
  if named ~= row.epoch then
    if not are_suspects or keeps_turn(named) then return false end
    store.put('suspect_epoch', row.epoch)
    asks = true
  elseif not are_suspects and row.held == 0 then
    store.put('suspect_epoch', '')
    return false
  end
  if asks then store.put('suspect_asked', store.number('lease_clock')) end
  return are_suspects
end

-- What has to be known of the keys that are written, and whether `wake` will hold anything.
local function plan(state)
  permissions.need(KEYS[1], {'ZREM', 'HRANDFIELD'})
  if #state.suspects > 0 then
    permissions.need(KEYS[1], {'RPUSH'})
    redis.call('LLEN', store.key('suspects'))
  end
  queues.plan()
  outbox.plan()
  redis.call('HLEN', workers.leases_key(workers.row.epoch))
  return redis.call('HLEN', store.key('wake')) + #outbox.pairs > 0
end

-- Wake-ups to pass on: few to a worker that has hosts to take from, until somebody has struck them out.
local function pending_wakes(hosts)
  local most = #hosts > 0 and FEW_WAKES or MOST_WAKES
  local wakes = redis.call('HRANDFIELD', store.key('wake'), most, 'WITHVALUES')
  for index = 2, #wakes, 2 do wakes[index] = tonumber(wakes[index]) end
  return wakes
end

local function write(state, due)
  if #due > 0 then store.send('ZREM', store.key('delayed'), due) end
  store.send('RPUSH', store.key('suspects'), state.suspects)
  leases.write()
  if state.suspect then redis.call('LPOP', store.key('suspects')) end
  if #state.values > 0 then store.send('HSET', workers.leases_key(workers.row.epoch), state.values) end
  queues.write()
  outbox.write()
  store.write()
end

local function lease(given)
  store.advance_wall(given[3])
  local number = clock.digits(workers.row.number)
  local state = {granted = {}, values = {}, empty = {}, suspects = {}, bytes = 0, number = number .. '.'}
  local _, stale = leases.finish(workers.row, given[4])
  local due, named = promote(state), is_named(given[2] == 1)
  if given[2] == 1 then
    if named then grant_suspect(state) end
  elseif workers.row.held == 0 or workers.row.alone ~= '1' then
    workers.row.alone = '0'
    if #given[1] > 0 then grant_hosts(state, given[1]) end
  end
  workers.hold(workers.row, #state.granted)
  local left, are_wakes = room(), plan(state)
  write(state, due)
  return {
    state.granted, state.empty, are_wakes and pending_wakes(given[1]) or {}, store.tallied('suspects'), named and 1 or 0,
    left == math.huge and -1 or left, stale, number,
  }
end

local function main()
  local given = input.array(4)
  check_hosts(given[1])
  check_done(given[4])
  input.integer(given[2], 'alone', 0, 1)
  input.integer(given[3], 'elapsed', 0, 2 ^ 52)
  store.open({'uid', 'wall', 'last', 'serial', 'h_buckets', 'stop_pages', 'suspect_epoch'},
    {'queued', 'delayed', 'leased', 'hosts', 'suspects'})
  local repeated = workers.open()
  if repeated then return repeated end
  return workers.close(lease(given))
end

return errors.answer(main)
