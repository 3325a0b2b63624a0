--@include keys
--@include meta
-- Which delay, how many open requests, and whether blocked at all: for one host. The longest pattern that fits wins; a
-- host's own name before all. `*.a.example` fits every name below a.example, not a.example itself.
local policy = {}
local FORMAT = '>i4i4B'  -- delay (ms, -1: the default's), open requests (-1: the default's), blocked (0|1)

function policy.pack(delay, open, block)
  return struct.pack(FORMAT, delay, open, block)
end

local function patterns(host)
  local fitting = {host}
  local dot = string.find(host, '.', 1, true)
  while dot do
    fitting[#fitting + 1] = '*' .. string.sub(host, dot)
    dot = string.find(host, '.', dot + 1, true)
  end
  return fitting
end

-- Returns delay (ms), open requests, blocked (0|1).
function policy.of(host)
  if meta.overrides == 0 then return meta.delay, meta.open, 0 end
  local found = redis.call('HMGET', keys.policy, unpack(patterns(host)))
  for index = 1, #found do
    if found[index] then
      local delay, open, block = struct.unpack(FORMAT, found[index])
      return delay < 0 and meta.delay or delay, open < 0 and meta.open or open, block
    end
  end
  return meta.delay, meta.open, 0
end
