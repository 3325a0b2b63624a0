--@include store
-- Linear hashing: buckets 0 … N-1, of which one splits at a time, so that N follows the number of entries. N is kept in
-- meta. A bucket that was not split yet in this round holds twice what a split one does.
local linear = {hashes = {}}
local MOST_SPLITS = 40

-- The largest power of two that is not above `buckets`.
function linear.low(buckets)
  local low = 1
  while low * 2 <= buckets do low = low * 2 end
  return low
end

-- The bucket of a hash (a whole number below 2^53).
function linear.bucket(hash, buckets, low)
  local bucket = hash % (2 * low)
  if bucket >= buckets then bucket = bucket - low end
  return bucket
end

-- The first twelve hexadecimal digits of SHA-1 as a number, worked out once a call.
function linear.hash(text)
  local hash = linear.hashes[text]
  if not hash then
    hash = tonumber(string.sub(redis.sha1hex(text), 1, 12), 16)
    linear.hashes[text] = hash
  end
  return hash
end

-- Which buckets will split when there are `entries` entries: {from, to, divisor} each. `size` (HLEN, SCARD) is asked of
-- all of them, so that a key of a foreign type fails here; `commands` are what splitting one needs.
function linear.splits(letter, field, entries, load, size, commands)
  local buckets, splits = store.number(field), {}
  while entries > buckets * load and #splits < MOST_SPLITS do
    local low = linear.low(buckets)
    local split = {from = buckets - low, to = buckets, divisor = 2 * low}
    redis.call(size, store.key(letter, split.from))
    redis.call(size, store.key(letter, split.to))
    splits[#splits + 1] = split
    buckets = buckets + 1
  end
  if #splits > 0 then
    permissions.need(KEYS[1], commands)
    store.put(field, buckets)
  end
  return splits
end
