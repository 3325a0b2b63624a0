-- Take entries away from a queue or a start URL key, so that a reply that is lost on the wire loses none of them.
-- KEYS  source (LIST, SET or ZSET), claims
-- ARGV  claim (one per worker and source), sequence (1, 2, … per claim), how many at most, then which:
--       first: the head of a LIST, the lowest scores of a ZSET; last: the other end of each;
--       seeds: the head of a LIST, the highest scores of a ZSET, as scrapy-redis reads start URLs. A SET has no order.
-- reply the entries, a list. The same sequence again: the same entries again, and nothing else is taken.
local last = redis.call('HGET', KEYS[2], ARGV[1])
if last then
  local claim = cmsgpack.unpack(last)
  if claim[1] == ARGV[2] then return claim[2] end
end

local source, count = KEYS[1], tonumber(ARGV[3])
local kind = redis.call('TYPE', source).ok
local from_first = ARGV[4] == 'first' or (ARGV[4] == 'seeds' and kind == 'list')
local entries = {}
if kind == 'list' then
  entries = redis.call(from_first and 'LPOP' or 'RPOP', source, count)
elseif kind == 'zset' then
  entries = redis.call(from_first and 'ZRANGE' or 'ZREVRANGE', source, 0, count - 1)
  redis.call('ZREMRANGEBYRANK', source, from_first and 0 or -count, from_first and count - 1 or -1)
elseif kind == 'set' then
  entries = redis.call('SPOP', source, count)
elseif kind ~= 'none' then
  return redis.error_reply('WRONGTYPE a ' .. kind .. ' is neither a queue nor a start URL key: use a LIST, SET or ZSET')
end
if #entries > 0 then
  redis.call('HSET', KEYS[2], ARGV[1], cmsgpack.pack({ARGV[2], entries}))
end
return entries
