--@include meta
--@include policy
-- One host's record, as it stands in `clock`, and what follows from it. Times are the wall clock's, in ms.
--   base      upper bound of the last request's arrival     floor    not before this, whatever the policy (Retry-After)
--   asked     not for takers before this: kept for who asked by name, or a block that was reported
--   raised    when the back-off was last raised             want, idle   serials: work came; none was left
--   backoff, crawl, delay (ms)   open, limit (slots)        serial   of the policy that delay, limit and block are from
-- The next allowed time is derived (base + the delay in force), so a policy that changes changes it.
local record = {}
local FORMAT = '>I6I6I6I6I7I7I4I4I4I4I2I2B'
local DAY, BACKOFF_LEAST, BACKOFF_MOST = 86400000, 1000, 600000
local max, min, floor = math.max, math.min, math.floor
local unpacked, packed = struct.unpack, struct.pack

local function resolve(host)
  local limit = host.limit
  local blocked = host.block
  host.delay, host.limit, host.block = policy.of(host.name)
  host.serial = meta.serial
  if limit == 1 and host.limit > 1 and host.open > 0 then host.base = max(host.base, meta.latest) end
  if blocked ~= host.block then host.asked = 0 end
end

-- Look the policy up where it was not, or was changed since.
function record.settle(host)
  if host.serial ~= meta.serial then resolve(host) end
end

-- A host of which nothing is known; not settled, because a message that it has work does not need that.
function record.new(name)
  return {
    name = name, base = 0, floor = 0, asked = 0, raised = 0, want = 0, idle = 0,
    backoff = 0, crawl = 0, open = 0, delay = 0, limit = 1, block = 0, serial = -1, was = 'absent', touched = false,
  }
end

-- Where a host stands: in `ready` while it has work and a free slot, in `resting` while only its record is kept.
function record.place(host)
  if host.want > host.idle then return host.open < host.limit and 'ready' or 'full' end
  return host.open == 0 and 'resting' or 'full'
end

-- A host as its record says; `was` is where it stands in Redis, `touched` whether it is going to be written.
-- (One constructor of 16 fields: a table that grows field by field costs four times as much.)
function record.unpack(name, text)
  local base, lower, asked, raised, want, idle, backoff, crawl, delay, serial, open, limit, block = unpacked(FORMAT, text)
  local host = {
    name = name, base = base, floor = lower, asked = asked, raised = raised, want = want, idle = idle,
    backoff = backoff, crawl = crawl, delay = delay, serial = serial, open = open, limit = limit, block = block,
    was = 'full', touched = false,
  }
  if want > idle then
    if open < limit then host.was = 'ready' end
  elseif open == 0 then
    host.was = 'resting'
  end
  record.settle(host)
  return host
end

function record.pack(host)
  return packed(FORMAT, host.base, host.floor, host.asked, host.raised, host.want, host.idle, host.backoff,
    host.crawl, host.delay, host.serial, host.open, host.limit, host.block)
end

-- The delay in force.
function record.delay(host)
  return max(host.delay, host.crawl, host.backoff)
end

-- When the host may be asked again.
function record.next(host)
  local delay = max(host.delay, host.crawl, host.backoff)
  if meta.restarted == 0 then return max(host.base + delay, host.floor) end
  return max(host.base + delay, host.floor, meta.quiet_until(delay))
end

-- When a worker that takes what is due may have it: its score in `ready`.
function record.due(host)
  return max(record.next(host), host.asked)
end

-- Until when a record without work or open slots says something that a new one would not.
function record.kept_until(host)
  local memory = host.crawl > 0 and DAY or host.backoff > 0 and BACKOFF_MOST or 0
  return record.next(host) + memory
end

-- A request arrived, or may have, at this moment at the latest.
function record.arrived(host, moment)
  host.base = max(host.base, moment)
end

-- 429 or 503. Answers to requests from before the last raise say nothing new.
function record.slow_down(host, sent)
  if sent < host.raised then return end
  host.backoff = min(2 * max(host.backoff, BACKOFF_LEAST, host.delay), BACKOFF_MOST)
  host.raised = meta.wall
end

function record.succeed(host, sent)
  if host.backoff == 0 or sent < host.raised then return end
  local half = floor(host.backoff / 2)
  host.backoff = half >= max(BACKOFF_LEAST, host.delay) and half or 0
end
