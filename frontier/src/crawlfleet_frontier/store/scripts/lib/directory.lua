--@include linear
-- A table of strings by host, kept in small hashes (`<letter>:<bucket>`) that Redis stores as listpacks.
local directory = {}
local LOAD = 16
local SPLITTING = {'HGETALL', 'HSET', 'HDEL'}

-- Open the directory; `field` of meta says how many buckets it has, `tally` counts its entries.
function directory.open(letter, field, tally)
  local buckets = store.number(field)
  return {
    letter = letter, field = field, tally = tally, buckets = buckets, low = linear.low(buckets),
    prefix = store.key(letter, ''), staged = {}, order = {},
  }
end

-- The key of the bucket that holds this host (where there is one bucket, without looking at the host).
function directory.key(self, host)
  if self.buckets == 1 then return self.prefix .. '0' end
  return self.prefix .. linear.bucket(linear.hash(host), self.buckets, self.low)
end

-- Read the entries of hosts, those of one bucket in one go. Returns keys and entries (false where there is none), each in
-- the order of `hosts`.
function directory.read(self, hosts)
  local keys, values, met = {}, {}, {}
  for index = 1, #hosts do
    local key = directory.key(self, hosts[index])
    local places = met[key]
    if not places then
      places = {}
      met[key] = places
    end
    keys[index], places[#places + 1] = key, index
  end
  for key, places in pairs(met) do
    local names = {}
    for index = 1, #places do names[index] = hosts[places[index]] end
    local found = redis.call('HMGET', key, unpack(names))
    for index = 1, #places do values[places[index]] = found[index] end
  end
  return keys, values
end

-- Stage an entry; those of one bucket are written in one go.
function directory.put(self, key, host, value)
  local fields = self.staged[key]
  if not fields then
    fields = {}
    self.staged[key], self.order[#self.order + 1] = fields, key
  end
  local last = #fields
  fields[last + 1], fields[last + 2] = host, value
end

-- Plan the splits that the tally asks for, after all changes to it are staged.
function directory.plan(self)
  self.splits = linear.splits(self.letter, self.field, store.tallied(self.tally), LOAD, 'HLEN', SPLITTING)
end

local function split_one(letter, split)
  local from, move, gone = store.key(letter, split.from), {}, {}
  local flat = redis.call('HGETALL', from)
  for index = 1, #flat, 2 do
    if linear.hash(flat[index]) % split.divisor == split.to then
      move[#move + 1], move[#move + 2] = flat[index], flat[index + 1]
      gone[#gone + 1] = flat[index]
    end
  end
  store.send('HDEL', from, gone)
  store.send('HSET', store.key(letter, split.to), move)
end

-- Write what is staged, and split as planned.
function directory.write(self)
  for index = 1, #self.order do store.send('HSET', self.order[index], self.staged[self.order[index]]) end
  for index = 1, #self.splits do split_one(self.letter, self.splits[index]) end
end
