-- One consistent look at a job.
-- KEYS  sentinel, requests, dupefilter, start_urls, items, counters, workers
-- reply {seconds, microseconds, sentinel fields, queue type, queued, seen, start URLs, items, counter fields, worker fields}
--       where "fields" is the flat list of HGETALL. Reads only; O(workers + counters).
-- The queue's length is read by its type: scrapy-redis keeps a ZSET or a LIST, as the queue class wants. A user's start
-- URL key may be a LIST, SET or ZSET likewise.
local function length(key)
  local kind = redis.call('TYPE', key).ok
  if kind == 'zset' then return kind, redis.call('ZCARD', key) end
  if kind == 'list' then return kind, redis.call('LLEN', key) end
  if kind == 'set' then return kind, redis.call('SCARD', key) end
  if kind == 'none' then return kind, 0 end
  return kind, -1
end

local now = redis.call('TIME')
local kind, queued = length(KEYS[2])
local _, seen = length(KEYS[3])
local _, start_urls = length(KEYS[4])
return {
  tonumber(now[1]), tonumber(now[2]),
  redis.call('HGETALL', KEYS[1]),
  kind, queued, seen, start_urls,
  redis.call('LLEN', KEYS[5]),
  redis.call('HGETALL', KEYS[6]),
  redis.call('HGETALL', KEYS[7]),
}
