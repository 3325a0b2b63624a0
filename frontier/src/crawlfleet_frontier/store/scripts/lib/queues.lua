--@include directory
--@include entries
-- The queues of hosts. A host's record in the directory `h` begins with a byte: how many leases of it were made since it
-- became non-empty, modulo 16; plus 128 where its requests are in lists. Behind it
--   without 128: the requests themselves: band, length (two bytes), request, each band in its order;
--   with 128:    for each band with any: band, first segment, last segment, number of requests (1 + 4 + 4 + 4 bytes).
-- Changes are staged in memory: `load`, then `append`, `prepend`, `take`; `plan` reads and checks, `write` writes.
local queues = {
  COMMANDS = {'LRANGE', 'LLEN', 'LTRIM', 'RPUSH', 'LPUSH'},
  loaded = {}, order = {}, filled = {}, emptied = {},
}
local LONGEST_RECORD = 480
local SEGMENT = 10000
local AGEING = 16

local function band_of(queue, number)
  local band = queue.bands[number]
  if not band then
    band = {number = number, front = {}, back = {}, head = 1, stored = 0, trims = {}}
    queue.bands[number] = band
  end
  return band
end

local function length(band)
  return #band.front + band.stored + #band.back - band.head + 1
end

local function segment(queue, band, number)
  return queue.lists .. band.number .. ':' .. number
end

local function read_requests(queue, record)
  local from = 2
  while from <= #record do
    local number, request
    number, request, from = struct.unpack('>BHc0', record, from)
    local back = band_of(queue, number).back
    back[#back + 1] = request
    queue.waiting = queue.waiting + 1
  end
end

local function read_lists(queue, record)
  for from = 2, #record, 13 do
    local number, first, last, stored = struct.unpack('>Bi4i4I4', record, from)
    local band = band_of(queue, number)
    band.first, band.last, band.stored, band.segment, band.offset = first, last, stored, first, 0
    queue.waiting = queue.waiting + stored
  end
  queue.listed = true
end

-- The queue of a host, read once a call.
function queues.load(host)
  local queue = queues.loaded[host]
  if queue then return queue end
  queues.directory = queues.directory or directory.open('h', 'h_buckets', 'hosts')
  queue = {
    host = host, key = directory.key(queues.directory, host), lists = store.key('q', host) .. ':',
    bands = {}, turn = 0, waiting = 0,
  }
  local record = redis.call('HGET', queue.key, host)
  if record then
    local first = string.byte(record)
    queue.known, queue.turn = true, first % 128
    if first >= 128 then read_lists(queue, record) else read_requests(queue, record) end
  end
  queues.loaded[host] = queue
  queues.order[#queues.order + 1] = queue
  return queue
end

-- Put a request at the end of its band.
function queues.append(queue, number, request)
  local back = band_of(queue, number).back
  back[#back + 1] = request
  queue.changed, queue.waiting = true, queue.waiting + 1
end

-- Put a request before all others of its band. Of several that come back together, put the last one first.
function queues.prepend(queue, number, request)
  local front = band_of(queue, number).front
  front[#front + 1] = request
  queue.changed, queue.waiting = true, queue.waiting + 1
end

local function fetch(queue, band, wanted)
  while true do
    local key, last = segment(queue, band, band.segment), band.offset + wanted - 1
    band.buffer, band.next = redis.call('LRANGE', key, band.offset, last), 1
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
  band.trims[band.segment] = band.offset
  return request
end

local function pop(queue, band, wanted)
  if #band.front > 0 then return table.remove(band.front) end
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

-- Take what is next in a band's lists in one go, up to `most`.
local function take_stored(queue, band, most, numbers, requests)
  if #band.front > 0 or band.stored == 0 or not fetch(queue, band, most) then return end
  local count = #band.buffer
  for index = 1, count do numbers[index], requests[index] = band.number, band.buffer[index] end
  band.offset, band.stored, band.buffer = band.offset + count, band.stored - count, nil
  band.trims[band.segment] = band.offset
  queue.turn, queue.waiting = (queue.turn + count) % AGEING, queue.waiting - count
end

-- Take up to `most` requests: the lowest band first, each sixteenth from the last band. Returns two lists: bands, requests.
function queues.take(queue, most)
  local numbers, requests = {}, {}
  local only = most > 0 and only_band(queue)
  if only then take_stored(queue, only, most, numbers, requests) end
  while #requests < most do
    local band = next_band(queue)
    if not band then break end
    local request = pop(queue, band, most - #requests)
    if request then
      queue.turn, queue.waiting = (queue.turn + 1) % AGEING, queue.waiting - 1
      numbers[#numbers + 1], requests[#requests + 1] = band.number, request
    end
  end
  queue.changed = queue.changed or #requests > 0
  return numbers, requests
end

local function requests_record(queue)
  local parts, bytes = {string.char(queue.turn)}, 1
  for number = 0, 7 do
    local band = queue.bands[number]
    local waiting = {}
    if band then
      for index = #band.front, 1, -1 do waiting[#waiting + 1] = band.front[index] end
      for index = band.head, #band.back do waiting[#waiting + 1] = band.back[index] end
    end
    for index = 1, #waiting do
      bytes = bytes + 3 + #waiting[index]
      if bytes > LONGEST_RECORD then return nil end
      parts[#parts + 1] = struct.pack('>BHc0', number, #waiting[index], waiting[index])
    end
  end
  return table.concat(parts)
end

-- Which segment takes how many of `count` requests: what fits into `edge`, the rest into the segment beside it.
local function share(queue, band, edge, step, count)
  local room = math.max(0, SEGMENT - redis.call('LLEN', segment(queue, band, edge)) + (band.trims[edge] or 0))
  if count <= room then return count, edge end
  redis.call('LLEN', segment(queue, band, edge + step))
  return room, edge + step
end

local function plan_band(queue, band)
  if not band.first then band.first, band.last, band.segment = 0, 0, 0 end
  band.first = band.segment
  band.old_last, band.old_first = band.last, band.first
  if #band.back >= band.head then
    band.fits_back, band.last = share(queue, band, band.last, 1, #band.back - band.head + 1)
  end
  if #band.front > 0 then
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
      record = record .. struct.pack('>Bi4i4I4', number, band.first, band.last, waiting)
    end
  end
  queue.listed, queue.record = true, record
end

local function plan_queue(queue)
  if queue.waiting == 0 then
    if queue.known then
      store.count('hosts', -1)
      queues.emptied[#queues.emptied + 1] = queue.host
    end
    return
  end
  if not queue.known then
    store.count('hosts', 1)
    queues.filled[#queues.filled + 1] = queue.host
  end
  if not queue.listed then queue.record = requests_record(queue) end
  if not queue.record then plan_lists(queue) end
end

-- Read and check what `write` will touch; stages the number of hosts. Afterwards `filled` and `emptied` name the hosts
-- that have requests now and had none, and the other way round.
function queues.plan()
  for index = 1, #queues.order do
    local queue = queues.order[index]
    if queue.changed then plan_queue(queue) end
  end
  if queues.directory then directory.plan(queues.directory) end
end

local function write_band(queue, band)
  for number, count in pairs(band.trims) do redis.call('LTRIM', segment(queue, band, number), count, -1) end
  if band.fits_back then
    local cut = band.head + band.fits_back
    store.send('RPUSH', segment(queue, band, band.old_last), band.back, band.head, cut - 1)
    store.send('RPUSH', segment(queue, band, band.last), band.back, cut)
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
    redis.call('HSET', queue.key, queue.host, queue.record)
  elseif queue.known then
    redis.call('HDEL', queue.key, queue.host)
  end
end

-- Write what was planned.
function queues.write()
  for index = 1, #queues.order do
    if queues.order[index].changed then write_queue(queues.order[index]) end
  end
  if queues.directory then directory.split(queues.directory) end
end
