--@include linear
-- The seen set: which ids were admitted. Exact: sets of at most 512 ids, which Redis keeps as sorted arrays of integers,
-- by linear hashing; a bucket splits when it holds about 380. Bloom: bit strings of at most 2^22 bits each, all bits of an
-- id in one of them. An id is a signed 64-bit number in decimal; only its last 15 digits fit into a Lua number.
local seen = {COMMANDS = {'SISMEMBER', 'SADD', 'SCARD', 'SMEMBERS', 'DEL', 'BITFIELD', 'BITFIELD_RO'}, new = {}, places = {}, met = {}}
local LOAD = 190
local SEGMENT_BITS = 4194304

local function ids_hash(id)
  return math.abs(tonumber(string.sub(id, -15)))
end

local function exact_open()
  seen.buckets = store.number('s_buckets')
  seen.low = linear.low(seen.buckets)
  seen.prefix = store.key('s', '')
end

local function exact_place(id)
  return seen.prefix .. linear.bucket(ids_hash(id), seen.buckets, seen.low)
end

local function bloom_open()
  seen.hashes = store.number('bloom_hashes')
  seen.segments = math.ceil(store.number('bloom_bits') / SEGMENT_BITS)
  seen.bits = math.ceil(store.number('bloom_bits') / seen.segments)
end

-- The key and the bits of an id: two independent 48-bit numbers, combined.
local function bloom_place(id)
  local digest = redis.sha1hex(id)
  local first, second = tonumber(string.sub(digest, 1, 12), 16), tonumber(string.sub(digest, 13, 24), 16)
  local place = {key = store.key('b', tonumber(string.sub(digest, 25, 32), 16) % seen.segments)}
  for index = 1, seen.hashes do place[index] = (first + index * second) % seen.bits end
  return place
end

local function bloom_has(place)
  local command = {}
  for index = 1, #place do
    command[#command + 1], command[#command + 2], command[#command + 3] = 'GET', 'u1', clock.digits(place[index])
  end
  for _, bit in ipairs(redis.call('BITFIELD_RO', place.key, unpack(command))) do
    if bit == 0 then return false end
  end
  return true
end

local function bloom_add(place)
  local command, ones = {}, 0
  for index = 1, #place do
    for _, part in ipairs({'SET', 'u1', clock.digits(place[index]), 1}) do command[#command + 1] = part end
  end
  for _, bit in ipairs(redis.call('BITFIELD', place.key, unpack(command))) do
    if bit == 0 then ones = ones + 1 end
  end
  store.count('bits', ones)
end

function seen.open()
  seen.bloom = store.meta.dedupe == 'bloom'
  if seen.bloom then bloom_open() else exact_open() end
end

-- Whether an id was admitted before, in this batch or earlier. Where not, `seen.add` may follow.
function seen.has(id)
  if seen.met[id] then return true end
  if seen.bloom then
    seen.place = bloom_place(id)
    return bloom_has(seen.place)
  end
  seen.place = exact_place(id)
  return redis.call('SISMEMBER', seen.place, id) == 1
end

-- Stage the id that `seen.has` was just asked about.
function seen.add(id)
  seen.met[id] = true
  local at = #seen.new + 1
  seen.new[at], seen.places[at] = id, seen.place
end

-- Stage the number of ids and the splits that follow from it.
function seen.plan()
  store.count('seen', #seen.new)
  seen.splits = seen.bloom and {} or linear.splits('s', 's_buckets', store.tally.seen, LOAD, 'SCARD')
end

local function split_one(split)
  local from, stay, move = store.key('s', split.from), {}, {}
  local ids = redis.call('SMEMBERS', from)
  for index = 1, #ids do
    local to = ids_hash(ids[index]) % split.divisor == split.to and move or stay
    to[#to + 1] = ids[index]
  end
  redis.call('DEL', from)
  store.send('SADD', from, stay)
  store.send('SADD', store.key('s', split.to), move)
end

function seen.write()
  for index = 1, #seen.new do
    if seen.bloom then bloom_add(seen.places[index]) else redis.call('SADD', seen.places[index], seen.new[index]) end
  end
  for index = 1, #seen.splits do split_one(seen.splits[index]) end
end
