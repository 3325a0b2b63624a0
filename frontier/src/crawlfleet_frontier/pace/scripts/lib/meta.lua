--@include errors
--@include clock
--@include keys
--@include batches
-- What `meta` holds, read once and written back at the end:
--   id         the store's, new with every store          wall, last   wall clock; TIME of its last move (ms)
--   run        run id of the Redis that was last seen      restarted    wall clock when it was found to be another one; 0
--   version    of the policy, as the operator names it     serial       of the policy, 1, 2, …: what records refer to
--   delay, open, overrides   the default policy; how many patterns stand in `policy`
--   held       open slots of all hosts                     sweep        where the walk over `clock` after a change stands; ''
--   hungry, hungry_by        wall clock and epoch of the last exchange that went away empty and starves
--   owed       what TIME has passed and the wall clock has not moved, because a call was longer under way than its
--              caller's one before (in us): later calls may make up for it
-- `latest` is the wall clock as it may yet come to stand for this moment: moments that something *has happened* by are
-- written by it, so that a clock that makes up for lost time shortens no wait.
local meta = {
  SEND_WINDOW = 2000,        -- a slot is used within this time after its moment, or not at all (ms)
  FRESH = 9000000000000000,  -- what the score of a host that was never asked is below its serial
  latest = 0,
}
local FIELDS = {
  'wall', 'last', 'held', 'serial', 'delay', 'open', 'overrides', 'restarted', 'hungry', 'owed',  -- numbers
  'id', 'run', 'version', 'sweep', 'hungry_by', 'sweep_robots',
}
local NUMBERS = 10
local MOST_OWED = 250000  -- more is no call's way but a step of TIME, and forgotten (us)
local FORGOTTEN = 10      -- what is owed shrinks by this with each ms that passes, so that no small step lasts (us)
local before

-- Read it; without a store nothing is done.
function meta.read()
  local values = redis.call('HMGET', keys.meta, unpack(FIELDS))
  if not values[NUMBERS + 1] then errors.refuse('NOSENTINEL', 'there is no pace store here: set a policy first') end
  for index = 1, #FIELDS do
    local value = values[index]
    if index <= NUMBERS then value = tonumber(value or 0) else value = value or '' end
    meta[FIELDS[index]], values[index] = value, value
  end
  before = values
  batches.read(keys.meta)
end

-- Move the wall clock by what TIME has passed, no further than `most` (by the caller's own clock). Without a caller that
-- knows how long it was, it stands still and nothing is owed.
function meta.advance(most)
  local now = clock.now()
  local passed = meta.owed + 1000 * math.max(0, now - meta.last)
  local step = math.max(0, math.min(math.floor(passed / 1000), (most or meta.wall) - meta.wall))
  local owed = math.max(0, passed - (1000 + FORGOTTEN) * step)
  meta.owed = most and owed <= MOST_OWED and owed or 0
  meta.wall, meta.last = meta.wall + step, now
  meta.latest = meta.wall + math.ceil(meta.owed / 1000)
end

-- Note which Redis this is: after a restart the last second of reports may be missing.
function meta.seen_run(run)
  if run == '' or run == meta.run then return end
  if meta.run ~= '' then meta.restarted = meta.latest end
  meta.run = run
end

-- The earliest moment at which a host with this delay is asked after a restart: what was given in the lost second has
-- been sent, or never will be.
function meta.quiet_until(delay)
  if meta.restarted == 0 then return 0 end
  return meta.restarted + 2 * meta.SEND_WINDOW + delay
end

-- Put what changed into the batches.
function meta.write()
  local fields, last = {}, 0
  for index = 1, #FIELDS do
    local name = FIELDS[index]
    if meta[name] ~= before[index] then
      fields[last + 1], fields[last + 2] = name, meta[name]
      last = last + 2
    end
  end
  batches.put('HSET', keys.meta, fields)
end
