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
  return {
    'uid', input.text(given[1], 'uid', 100),
    'layout', input.text(given[2], 'layout', 100),
    'seed_state', input.word(given[3], 'seed state', SEED_STATES),
    'dedupe', given[4],
    'bloom_bits', clock.digits(input.integer(given[5], 'Bloom\'s bits', bloom and 1 or 0, 2 ^ 36)),
    'bloom_hashes', input.integer(given[6], 'Bloom\'s hashes', bloom and 1 or 0, 30),
    'host_cap', clock.digits(input.integer(given[7], 'host cap', 0, MOST)),
    'stop_pages', clock.digits(input.integer(given[8], 'stop pages', 0, MOST)),
    'max_losses', input.integer(given[9], 'max losses', 0, 255),
    'silence_ms', clock.digits(input.integer(given[10], 'silence', 1, MOST)),
    'created', clock.digits(now), 'state', 'open', 'seed_epoch', '', 'pace_id', '', 'suspect_epoch', '',
    'last', clock.digits(now), 'wall', clock.digits(now),
    'lease_last', clock.digits(now), 'lease_clock', clock.digits(now),
    'serial', 0, 's_buckets', 1, 'h_buckets', 1, 'n_buckets', 1,
  }
end

local function main()
  permissions.need(KEYS[1], {'TIME', 'HLEN', 'HSET'})
  if string.sub(KEYS[1], -5) ~= ':meta' then errors.refuse('BADINPUT', 'KEYS[1] is not the meta key of a store') end
  local values = fields(input.array(10))
  if redis.call('HLEN', KEYS[1]) > 0 then return cmsgpack.pack({0}) end
  redis.call('HSET', KEYS[1], unpack(values))
  return cmsgpack.pack({1})
end

return errors.answer(main)
