--@include directory
--@include entries
-- The queues of hosts. A host's record in the directory `h` begins with a byte: how many leases of it were made since it
-- became non-empty, modulo 16; plus 128 where its requests are in lists. Behind it
--   without 128: the requests themselves: band, length (two bytes), request, each band in its order;
--   with 128:    for each band with any: band, first segment, last segment, number of requests (1 + 4 + 4 + 4 bytes).
-- Changes are staged in memory: `load`, then `append`, `prepend`, `take`; `plan` reads and checks, `write` writes.
local queues = {loaded = {}, filled = {}}
local LONGEST_RECORD = 480
local SEGMENT = 10000
local AGEING = 16
local call, byte, struct_pack, struct_unpack = redis.call, string.byte, struct.pack, struct.unpack
local sub = string.sub
local order, extended, endings, lists, records = {}, {}, {}, store.prefix .. 'q:', nil

-- A band: `front` and `trims` (segment → how many to cut off its head) are there only where they are needed; `key` is that
-- of the segment at its end. (A table that grows field by field costs several times as much as one made with them all.)
local function band_of(queue, number)
  local band = queue.bands[number]
  if not band then
    band = {number = number, back = {}, head = 1, stored = 0}
    queue.bands[number] = band
  end
  return band
end

local function length(band)
  return (band.front and #band.front or 0) + band.stored + #band.back - band.head + 1
end

-- The key of a list. (Making text of numbers is dear, and most hosts' lists end alike.)
local function list_key(host, band, number)
  local place = 8 * number + band
  local ending = endings[place]
  if not ending then
    ending = ':' .. band .. ':' .. number
    endings[place] = ending
  end
  return lists .. host .. ending
end

local function segment(queue, band, number)
  return list_key(queue.host, band.number, number)
end

local function trim(band)
  band.trims = band.trims or {}
  band.trims[band.segment] = band.offset
end

local function read_requests(queue, record)
  local from = 2
  while from <= #record do
    local number, request
    number, request, from = struct_unpack('>BHc0', record, from)
    local back = band_of(queue, number).back
    back[#back + 1] = request
    queue.waiting = queue.waiting + 1
  end
end

local function read_lists(queue, record)
  for from = 2, #record, 13 do
    local number, first, last, stored = struct_unpack('>Bi4i4I4', record, from)
    queue.bands[number] = {
      number = number, back = {}, head = 1, stored = stored, first = first, last = last, segment = first, offset = 0,
      front = false, trims = false, key = false, fits_back = false, old_last = false, old_first = false,
    }
    queue.waiting = queue.waiting + stored
  end
  queue.listed = true
end

local function add(host, key, record)
  local queue = {
    host = host, key = key, bands = {}, turn = 0, waiting = 0, known = false, listed = false, changed = false, record = false,
  }
  if record then
    local first = byte(record)
    queue.known, queue.turn = true, first % 128
    if first >= 128 then read_lists(queue, record) else read_requests(queue, record) end
  end
  queues.loaded[host] = queue
  order[#order + 1] = queue
  return queue
end

-- Whether a list of `stored` requests has room for `count` more; of a band's several lists the last one is asked.
local function has_room(list, is_only, stored, count)
  if not is_only then stored = call('LLEN', list) end
  return stored + count <= SEGMENT
end

-- Where a host with lists has room behind its last segment of this band, that is all that a push to it needs: returns
-- whether it was staged so.
local function extend(host, key, record, number, requests)
  if not record or byte(record) < 128 then return false end
  for at = 2, #record, 13 do
    local band, first, last, stored = struct_unpack('>Bi4i4I4', record, at)
    if band == number then
      local list = list_key(host, number, last)
      if not has_room(list, first == last, stored, #requests) then return false end
      local last_one = #extended
      extended[last_one + 1], extended[last_one + 2] = list, requests
      directory.put(records, key, host, sub(record, 1, at - 1)
        .. struct_pack('>Bi4i4I4', band, first, last, stored + #requests) .. sub(record, at + 13))
      return true
    end
  end
  return false
end

-- Stage requests at the ends of the queues of hosts, none of which was loaded: `requests[host]` is a list, `bands[host]` a
-- list or the band of them all.
function queues.append_all(hosts, requests, bands)
  records = directory.open('h', 'h_buckets', 'hosts')
  local keys, values = directory.read(records, hosts)
  for index = 1, #hosts do
    local host = hosts[index]
    local list, band = requests[host], bands[host]
    if type(band) == 'table' or not extend(host, keys[index], values[index], band, list) then
      local queue = add(host, keys[index], values[index])
      for each = 1, #list do queues.append(queue, type(band) == 'table' and band[each] or band, list[each]) end
    end
  end
end

-- Read the queues of these hosts, of which none is named twice or was read before.
function queues.load_all(hosts)
  records = records or directory.open('h', 'h_buckets', 'hosts')
  local keys, values = directory.read(records, hosts)
  for index = 1, #hosts do add(hosts[index], keys[index], values[index]) end
end

-- The queue of a host, read once a call.
function queues.load(host)
  if queues.loaded[host] then return queues.loaded[host] end
  records = records or directory.open('h', 'h_buckets', 'hosts')
  local key = directory.key(records, host)
  return add(host, key, call('HGET', key, host))
end

-- Put a request at the end of its band.
function queues.append(queue, number, request)
  local back = band_of(queue, number).back
  back[#back + 1] = request
  queue.changed, queue.waiting = true, queue.waiting + 1
end

-- Put a request before all others of its band. Of several that come back together, put the last one first.
function queues.prepend(queue, number, request)
  local band = band_of(queue, number)
  band.front = band.front or {}
  band.front[#band.front + 1] = request
  queue.changed, queue.waiting = true, queue.waiting + 1
end

local function fetch(queue, band, wanted)
  while true do
    local key, last = segment(queue, band, band.segment), band.offset + wanted - 1
    band.buffer, band.next = call('LRANGE', key, band.offset, last), 1
    if #band.buffer > 0 then return true end
    if band.segment >= band.last then
      queue.waiting, band.stored = queue.waiting - band.stored, 0
      return false
    end
    band.segment, band.offset = band.segment + 1, 0
  end
end

local function pop_stored(queue, band, wanted)
  local request = band.buffer and band.buffer[band.next]
  if not request then
    if not fetch(queue, band, wanted) then return nil end
    request = band.buffer[1]
  end
  band.next, band.offset, band.stored = band.next + 1, band.offset + 1, band.stored - 1
  trim(band)
  return request
end

local function pop(queue, band, wanted)
  if band.front and #band.front > 0 then return table.remove(band.front) end
  if band.stored > 0 then
    local request = pop_stored(queue, band, wanted)
    if request then return request end
  end
  local request = band.back[band.head]
  if request then band.head = band.head + 1 end
  return request
end

local function next_band(queue)
  local from, to, step = 0, 7, 1
  if queue.turn == AGEING - 1 then from, to, step = 7, 0, -1 end
  for number = from, to, step do
    local band = queue.bands[number]
    if band and length(band) > 0 then return band end
  end
end

-- The only band with requests, or nil where there are several.
local function only_band(queue)
  local only
  for _, band in pairs(queue.bands) do
    if length(band) > 0 then
      if only then return nil end
      only = band
    end
  end
  return only
end

-- Take what is next in a band's lists in one go, up to `most`. Returns the requests.
local function take_stored(queue, band, most)
  if band.front and #band.front > 0 or band.stored == 0 or not fetch(queue, band, most) then return {} end
  local requests = band.buffer
  local count = #requests
  band.offset, band.stored, band.buffer = band.offset + count, band.stored - count, nil
  trim(band)
  queue.turn, queue.waiting = (queue.turn + count) % AGEING, queue.waiting - count
  return requests
end

-- Take up to `most` requests: the lowest band first, each sixteenth from the last band. Returns the requests, and their
-- bands: a list, or one number where all are of that band.
function queues.take(queue, most)
  local only = most > 0 and only_band(queue)
  local requests, count = only and take_stored(queue, only, most) or {}, 0
  count = #requests
  if count > 0 then queue.changed = true end
  if count == most or queue.waiting == 0 then return requests, only and only.number or {} end
  local numbers = {}
  for index = 1, count do numbers[index] = only.number end
  while count < most do
    local band = next_band(queue)
    if not band then break end
    local request = pop(queue, band, most - count)
    if request then
      queue.turn, queue.waiting, count = (queue.turn + 1) % AGEING, queue.waiting - 1, count + 1
      numbers[count], requests[count] = band.number, request
    end
  end
  queue.changed = queue.changed or count > 0
  return requests, numbers
end

local function requests_record(queue)
  local parts, last, bytes = {string.char(queue.turn)}, 1, 1
  local function put(number, request)
    bytes, last = bytes + 3 + #request, last + 1
    if bytes <= LONGEST_RECORD then parts[last] = struct_pack('>BHc0', number, #request, request) end
  end
  for number = 0, 7 do
    local band = queue.bands[number]
    if band then
      for index = band.front and #band.front or 0, 1, -1 do put(number, band.front[index]) end
      for index = band.head, #band.back do put(number, band.back[index]) end
    end
    if bytes > LONGEST_RECORD then return nil end
  end
  return table.concat(parts)
end

-- Which segment takes how many of `count` requests: what fits into `edge`, the rest into the segment beside it.
local function share(queue, band, edge, step, count)
  local key = segment(queue, band, edge)
  if step > 0 then band.key = key end
  local stored = call('LLEN', key) - (band.trims and band.trims[edge] or 0)
  local room = math.max(0, SEGMENT - stored)
  if count <= room then return count, edge end
  call('LLEN', segment(queue, band, edge + step))
  return room, edge + step
end

local function plan_band(queue, band)
  if not band.first then band.first, band.last, band.segment = 0, 0, 0 end
  band.first = band.segment
  band.old_last, band.old_first = band.last, band.first
  if #band.back >= band.head then
    band.fits_back, band.last = share(queue, band, band.last, 1, #band.back - band.head + 1)
  end
  if band.front and #band.front > 0 then
    band.fits_front, band.first = share(queue, band, band.first, -1, #band.front)
  end
end

local function plan_lists(queue)
  local record = string.char(128 + queue.turn)
  for number = 0, 7 do
    local band = queue.bands[number]
    local waiting = band and length(band) or 0
    if waiting > 0 then
      plan_band(queue, band)
      record = record .. struct_pack('>Bi4i4I4', number, band.first, band.last, waiting)
    end
  end
  queue.listed, queue.record = true, record
end

local function plan_queue(queue)
  if queue.waiting == 0 then
    if queue.known then store.count('hosts', -1) end
    return
  end
  if not queue.known then
    store.count('hosts', 1)
    queues.filled[#queues.filled + 1] = queue.host
  end
  if not queue.listed then queue.record = requests_record(queue) end
  if not queue.record then plan_lists(queue) end
end

-- Read and check what `write` will touch; stages the number of hosts. Afterwards `filled` names the hosts that have
-- requests now and had none.
function queues.plan()
  if not records then return end
  permissions.need(KEYS[1], {'RPUSH', 'LPUSH', 'LTRIM', 'HDEL'})
  for index = 1, #order do
    local queue = order[index]
    if queue.changed then plan_queue(queue) end
  end
  directory.plan(records)
end

local function write_band(queue, band)
  if band.trims then
    for number, count in pairs(band.trims) do call('LTRIM', segment(queue, band, number), count, -1) end
  end
  if band.fits_back then
    local cut = band.head + band.fits_back
    if cut > band.head then store.send('RPUSH', band.key, band.back, band.head, cut - 1) end
    if cut <= #band.back then store.send('RPUSH', segment(queue, band, band.last), band.back, cut) end
  end
  if band.fits_front then
    store.send('LPUSH', segment(queue, band, band.old_first), band.front, 1, band.fits_front)
    store.send('LPUSH', segment(queue, band, band.first), band.front, band.fits_front + 1)
  end
end

local function write_queue(queue)
  if queue.listed then
    for _, band in pairs(queue.bands) do write_band(queue, band) end
  end
  if queue.record then
    directory.put(records, queue.key, queue.host, queue.record)
  elseif queue.known then
    call('HDEL', queue.key, queue.host)
  end
end

-- Make lists longer: the first thing that a script writes, for only now it shows whether each of them is a list (to ask
-- before would take as long again). Where one is not, those made longer are as before again, and the script ends.
function queues.extend()
  for index = 1, #extended, 2 do
    local reply = redis.pcall('RPUSH', extended[index], unpack(extended[index + 1]))
    if type(reply) == 'table' then
      for before = 1, index - 2, 2 do call('LTRIM', extended[before], 0, -#extended[before + 1] - 1) end
      error(reply)
    end
  end
end

-- Write what was planned.
function queues.write()
  if not records then return end
  for index = 1, #order do
    if order[index].changed then write_queue(order[index]) end
  end
  directory.write(records)
end
