#!lua
-- Put the sentinel down, once.
-- ARGV[1]  [uid, layout, seed state (unseeded | seeded), dedupe (exact | bloom), Bloom's bits, Bloom's hashes, host cap,
--          stop pages, max losses, silence in ms]; 0 is no cap, no limit
-- reply    [1 created | 0 was there, and nothing is changed]
-- errors   BADINPUT
--@include store
local SEED_STATES = {unseeded = true, seeded = true}
local DEDUPES = {exact = true, bloom = true}
local MOST = 9007199254740991

local function fields(given)
  local bloom = input.word(given[4], 'dedupe', DEDUPES) == 'bloom'
  local now = clock.now()
  return {  -- what each call reads comes first: Redis looks for a field from the front
    'uid', input.text(given[1], 'uid', 100),
    'wall', now, 'last', now, 'serial', 0, 'state', 'open', 'h_buckets', 1, 's_buckets', 1,
    'dedupe', given[4],
    'host_cap', input.integer(given[7], 'host cap', 0, MOST),
    'stop_pages', input.integer(given[8], 'stop pages', 0, MOST),
    'suspect_epoch', '', 'suspect_asked', 0,
    'max_losses', input.integer(given[9], 'max losses', 0, 100),
    'lease_last', now, 'lease_clock', now,
    'silence_ms', input.integer(given[10], 'silence', 1, MOST),
    'seed_state', input.word(given[3], 'seed state', SEED_STATES),
    'layout', input.text(given[2], 'layout', 100),
    'bloom_bits', input.integer(given[5], 'Bloom\'s bits', bloom and 1 or 0, 2 ^ 36),
    'bloom_hashes', input.integer(given[6], 'Bloom\'s hashes', bloom and 1 or 0, 30),
    'created', now, 'seed_epoch', '', 'pace_id', '', 'n_buckets', 1,
  }
end

local function main()
  if string.sub(KEYS[1], -5) ~= ':meta' then errors.refuse('BADINPUT', 'KEYS[1] is not the meta key of a store') end
  local values = fields(input.array(10))
  if redis.call('HLEN', KEYS[1]) > 0 then return cmsgpack.pack({0}) end
  redis.call('HSET', KEYS[1], unpack(values))
  return cmsgpack.pack({1})
end

return errors.answer(main)
