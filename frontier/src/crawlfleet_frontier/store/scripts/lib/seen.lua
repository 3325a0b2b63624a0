--@include linear
-- The seen set: which ids were admitted. Exact: sets of at most 512 ids, which Redis keeps as sorted arrays of integers,
-- by linear hashing; a bucket splits when it holds about 380. Bloom: bit strings of at most 2^22 bits each, all bits of an
-- id in one of them. An id is a signed 64-bit number in decimal, which no Lua number holds: its bucket is chosen by the
-- bytes of its last eight characters, read as digits.
local seen = {bloom = false}
local LOAD = 190
local SEGMENT_BITS = 4194304
local call, sub, tonumber, byte = redis.call, string.sub, tonumber, string.byte
local new, places, splits = {}, {}, {}

-- The number that an id's bucket is chosen by. (To have a number made of its digits takes several times as long.)
local function hash(id)
  local a, b, c, d, e, f, g, h = byte(id, -8, -1)
  if not h then return hash('00000000' .. id) end
  return ((((((a * 10 + b) * 10 + c) * 10 + d) * 10 + e) * 10 + f) * 10 + g) * 10 + h
end

-- `seen.find(id)` answers where an id that was not admitted before would go (a place for `seen.add`), or nil. What is no id
-- is never there.
local function open_exact()
  local buckets = store.number('s_buckets')
  local low, prefix, keys = linear.low(buckets), store.key('s', ''), {}
  local round = 2 * low
  function seen.find(id)
    local bucket = hash(id) % round
    if bucket >= buckets then bucket = bucket - low end
    local key = keys[bucket]
    if not key then
      key = prefix .. bucket
      keys[bucket] = key
    end
    if call('SISMEMBER', key, id) == 0 then return key end
  end
end

-- Bloom's filter; the bits of an id: two independent 48-bit numbers, combined.
local function open_bloom()
  local hashes, bits = store.number('bloom_hashes'), store.number('bloom_bits')
  local segments = math.ceil(bits / SEGMENT_BITS)
  bits = math.ceil(bits / segments)

  local function has(place)
    local command = {}
    for index = 1, #place do
      command[#command + 1], command[#command + 2], command[#command + 3] = 'GET', 'u1', place[index]
    end
    for _, bit in ipairs(call('BITFIELD_RO', place.key, unpack(command))) do
      if bit == 0 then return false end
    end
    return true
  end

  function seen.find(id)
    local digest = redis.sha1hex(id)
    local first, second = tonumber(sub(digest, 1, 12), 16), tonumber(sub(digest, 13, 24), 16)
    local place = {key = store.key('b', tonumber(sub(digest, 25, 32), 16) % segments)}
    for index = 1, hashes do place[index] = (first + index * second) % bits end
    if not has(place) then return place end
  end

  function seen.bloom(place)
    local command, ones = {}, 0
    for index = 1, #place do
      for _, part in ipairs({'SET', 'u1', place[index], 1}) do command[#command + 1] = part end
    end
    for _, bit in ipairs(call('BITFIELD', place.key, unpack(command))) do
      if bit == 0 then ones = ones + 1 end
    end
    store.count('bits', ones)
  end
end

function seen.open()
  local is_bloom = store.text('dedupe') == 'bloom'
  permissions.need(KEYS[1], {is_bloom and 'BITFIELD' or 'SADD'})
  if is_bloom then open_bloom() else open_exact() end
end

-- Stage an id at the place that `seen.find` named.
function seen.add(id, place)
  local at = #new + 1
  new[at], places[at] = id, place
end

-- Stage the number of ids and the splits that follow from it.
function seen.plan()
  store.count('seen', #new)
  if seen.bloom then
    store.tallied('bits')
  else
    splits = linear.splits('s', 's_buckets', store.tallied('seen'), LOAD, 'SCARD', {'SMEMBERS', 'DEL'})
  end
end

local function split_one(split)
  local from, stay, move = store.key('s', split.from), {}, {}
  local ids = call('SMEMBERS', from)
  for index = 1, #ids do
    local to = hash(ids[index]) % split.divisor == split.to and move or stay
    to[#to + 1] = ids[index]
  end
  call('DEL', from)
  store.send('SADD', from, stay)
  store.send('SADD', store.key('s', split.to), move)
end

function seen.write()
  if seen.bloom then
    for index = 1, #new do seen.bloom(places[index]) end
    return
  end
  for index = 1, #new do call('SADD', places[index], new[index]) end
  for index = 1, #splits do split_one(splits[index]) end
end
