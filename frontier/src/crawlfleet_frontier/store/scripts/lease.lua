#!lua flags=allow-oom
-- Take requests of the hosts for which the worker has slots; promote delayed requests that are due on the way.
-- ARGV     [[[host, most], …], alone 0 | 1, ms since the worker's previous call], epoch, number
-- reply    [[[token, host, band, losses, payload], …], [[host, serial], … named here and empty now],
--          [[host, serial], … pending wake-ups], suspects, turn 0 | 1, pages left until stop_pages (-1 = no limit)]
-- bounds   200 hosts, 500 requests; 100 promotions; 200 wake-ups; no host is begun after 1 MiB of payloads
-- errors   NOSENTINEL, FENCED, ORDER, TOOBIG, BADINPUT
-- turn = 1: this worker is named to take suspects: it should finish what it holds and ask with alone = 1. Then hosts are
-- ignored, and it is given one suspect if it holds nothing. While it holds a suspect, it is given nothing else.
--@include leases
local MOST_PROMOTED, MOST_WAKES, MOST_BYTES = 100, 200, 1048576

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

local function promote()
  local now = clock.digits(store.number('wall'))
  local due = redis.call('ZRANGE', store.key('delayed'), '-inf', now, 'BYSCORE', 'LIMIT', 0, MOST_PROMOTED)
  for index = 1, #due do
    local band, host, request = entries.open(string.sub(due[index], string.find(due[index], ':', 1, true) + 1))
    queues.append(queues.load(host), band, request)
  end
  store.count('delayed', -#due)
  store.count('queued', #due)
  return due
end

-- The pages that may still be leased.
local function room()
  local stop = store.number('stop_pages')
  if stop == 0 then return math.huge end
  return math.max(0, stop - store.tally.done - store.tally.leased)
end

local function grant(state, band, host, request)
  local grants, values, at = state.grants, state.values, #state.grants + 1
  local token = state.number .. at
  grants[at] = {token, host, band, string.byte(request), string.sub(request, 2)}
  values[2 * at - 1], values[2 * at] = token, entries.head(band, host) .. request
  state.bytes = state.bytes + #request
  workers.hold(workers.row, at)
end

local function grant_hosts(state, hosts)
  for index = 1, #hosts do
    local host, most = hosts[index][1], math.min(hosts[index][2], room())
    if room() == 0 or state.bytes > MOST_BYTES then return end
    local queue = queues.load(host)
    local bands, requests = queues.take(queue, most)
    for each = 1, #requests do grant(state, bands[each], host, requests[each]) end
    store.count('leased', #requests)
    store.count('queued', -#requests)
    if queue.waiting == 0 then state.empty[#state.empty + 1] = {host, store.serial()} end
  end
end

local function grant_suspect(state)
  if workers.row.held > 0 or store.tally.suspects == 0 or room() == 0 then return end
  local entry = redis.call('LRANGE', store.key('suspects'), 0, 0)[1]
  if not entry then return end
  local band, host, request = entries.open(entry)
  grant(state, band, host, request)
  store.count('leased', 1)
  store.count('queued', -1)
  store.count('suspects', -1)
  workers.row.alone = '1'
  state.suspect = true
end

-- Whether this worker is the one that takes suspects; names it where nobody live is.
local function is_named()
  local named = store.meta.suspect_epoch
  if store.tally.suspects == 0 then
    if named == workers.row.epoch and workers.row.held == 0 then store.put('suspect_epoch', '') end
    return false
  end
  if named ~= workers.row.epoch and not workers.is_live(named) then
    store.put('suspect_epoch', workers.row.epoch)
    named = workers.row.epoch
  end
  return named == workers.row.epoch
end

local function pending_wakes()
  local flat, wakes = redis.call('HRANDFIELD', store.key('wake'), MOST_WAKES, 'WITHVALUES'), {}
  for index = 1, #flat, 2 do wakes[#wakes + 1] = {flat[index], tonumber(flat[index + 1])} end
  return wakes
end

local function write(state, due)
  if #due > 0 then store.send('ZREM', store.key('delayed'), due) end
  if state.suspect then redis.call('LPOP', store.key('suspects')) end
  store.send('HSET', workers.leases_key(workers.row.epoch), state.values)
  queues.write()
  outbox.write()
  store.write()
end

local function lease(given)
  store.advance_wall(given[3])
  local state = {grants = {}, values = {}, empty = {}, bytes = 0, number = clock.digits(workers.row.number) .. '.'}
  local due, named = promote(), is_named()
  if given[2] == 1 then
    if named then grant_suspect(state) end
  elseif workers.row.held == 0 or workers.row.alone ~= '1' then
    workers.row.alone = '0'
    grant_hosts(state, given[1])
  end
  redis.call('LLEN', store.key('suspects'))
  queues.plan()
  outbox.plan()
  write(state, due)
  local left = room()
  left = left == math.huge and -1 or left
  return {state.grants, state.empty, pending_wakes(), store.tally.suspects, named and 1 or 0, left}
end

local function main()
  local given = input.array(3)
  check_hosts(given[1])
  input.integer(given[2], 'alone', 0, 1)
  input.integer(given[3], 'elapsed', 0, 2 ^ 52)
  store.open({'ZRANGE', 'ZREM', 'LPOP', 'HRANDFIELD', 'ZSCORE', 'HLEN'})
  permissions.need(KEYS[1], store.COMMANDS)
  permissions.need(KEYS[1], queues.COMMANDS)
  permissions.need(KEYS[1], directory.COMMANDS)
  local repeated = workers.open()
  if repeated then return repeated end
  return workers.close(lease(given))
end

return errors.answer(main)
