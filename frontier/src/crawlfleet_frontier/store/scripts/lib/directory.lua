--@include linear
-- A table of strings by host, kept in small hashes (`<letter>:<bucket>`) that Redis stores as listpacks.
local directory = {COMMANDS = {'HGET', 'HSET', 'HDEL', 'HLEN', 'HGETALL'}}
local LOAD = 16

-- Open the directory; `field` of meta says how many buckets it has, `tally` counts its entries.
function directory.open(letter, field, tally)
  local buckets = store.number(field)
  return {letter = letter, field = field, tally = tally, buckets = buckets, low = linear.low(buckets)}
end

-- The key of the bucket that holds this host.
function directory.key(self, host)
  return store.key(self.letter, linear.bucket(linear.hash(host), self.buckets, self.low))
end

-- Plan the splits that the tally asks for, after all changes to it are staged.
function directory.plan(self)
  self.splits = linear.splits(self.letter, self.field, store.tally[self.tally], LOAD, 'HLEN')
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

-- Split as planned, after all entries are written.
function directory.split(self)
  for index = 1, #self.splits do split_one(self.letter, self.splits[index]) end
end
