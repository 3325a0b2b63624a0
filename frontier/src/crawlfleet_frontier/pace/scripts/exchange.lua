#!lua flags=allow-oom
-- A worker tells how its slots ended and which hosts have work or none, and takes slots. Numbered: a repeat is answered
-- with the reply that the call had. An epoch begins with call 1.
-- KEYS  meta of the pace store
-- ARGV  1 [run id ('' unknown), elapsed ms since this epoch's last call here,
--         closes [[token | "host:<host>", age ms of the first byte (or of the close) | -1 unused,
--                  outcome 0 none | 1 success | 2 slow down, retry after ms | 0, Crawl-delay ms | -1 unchanged]... ≤ 400],
--         holds [[token, slots still wanted | 0 all given back]... ≤ 500], wants [[host, serial]... ≤ 200],
--         idles [[host, serial]... ≤ 200], asks [[host, slots]... ≤ 100],
--         take [hosts ≤ 200, slots ≤ 500, horizon ms ≤ 2000, starving], how long a socket may stay open ms ≤ 3600000]
--       2 epoch, 3 number
-- reply [grants [[token, host, slots, wait ms, delay ms, asked 0|1]...], holds [[token, slots allowed]...],
--        refused [[host, ask again in ms | -1 blocked]...], ms until the next waiting host | -1 none,
--        store id, policy version, blocked [host...]]
-- Order: closes, holds, deadlines, wants and idles, asks, what is due. All is read and decided before the first write.
-- O((entries + 1,000 grants past their deadlines + 50 records collected + 100 swept) × log hosts).
--@include errors
--@include input
--@include caller
--@include closing
--@include waiting
--@include sweep
--@include giving
--@include batches
local DAY, LONGEST, LAST_SERIAL = 86400000, 9007199254740991, 8999999999999999

local function entries(value, name, most, check)
  input.list(value, name, most)
  for index = 1, #value do
    if type(value[index]) ~= 'table' or not check(value[index]) then
      errors.refuse('BADINPUT', name .. '[' .. (index - 1) .. '] does not have the shape that the contract names')
    end
  end
  return value
end

local function whole(value, low, high)
  return type(value) == 'number' and value % 1 == 0 and value >= low and value <= high
end

local function text(value)
  return type(value) == 'string' and value ~= '' and #value <= 300
end

-- A close as nearly all are is known at a glance; the others are looked at field by field.
local function is_close(entry)
  local token, age, outcome, retry_after, crawl = entry[1], entry[2], entry[3], entry[4], entry[5]
  if not text(token) or token == 'host:' or not whole(age, -1, LONGEST) then return false end
  if outcome == 1 and retry_after == 0 and crawl == -1 then return true end
  return whole(outcome, 0, 2) and whole(retry_after, 0, LONGEST) and whole(crawl, -1, DAY)
end

local function is_hold(entry) return text(entry[1]) and whole(entry[2], 0, 1000) end
local function is_serial(entry) return text(entry[1]) and whole(entry[2], 1, LAST_SERIAL) end
local function is_ask(entry) return text(entry[1]) and whole(entry[2], 1, 500) end

local function arguments()
  local given = input.array(9)
  input.text(given[1], 'run id', 100)
  input.integer(given[2], 'elapsed', 0, LONGEST)
  entries(given[3], 'closes', 400, is_close)
  entries(given[4], 'holds', 500, is_hold)
  entries(given[5], 'wants', 200, is_serial)
  entries(given[6], 'idles', 200, is_serial)
  entries(given[7], 'asks', 100, is_ask)
  local take = input.list(given[8], 'take', 4)
  input.integer(take[1], 'take[0]', 0, 200)
  input.integer(take[2], 'take[1]', 0, 500)
  input.integer(take[3], 'take[2]', 0, 2000)
  if type(take[4]) ~= 'boolean' then errors.refuse('BADINPUT', 'take[3] is neither true nor false') end
  input.integer(given[9], 'open_ms', 0, 3600000)
  return given
end

local function starves(take)
  return take[4] and take[1] > 0 and take[2] > 0 and #giving.list == 0
end

local function exchange()
  local given = arguments()
  local before = caller.read_numbered()
  if before then return before end
  local closes, holds, take, open_ms = given[3], given[4], given[8], given[9]
  meta.read()
  caller.advance(given[2])
  meta.seen_run(given[1])
  closing.load(closes, holds)
  closing.close(closes)
  local held = closing.hold(holds, caller.epoch, open_ms)
  grants.expire()
  waiting.apply(given[5], given[6])
  sweep.some(50)
  giving.begin(caller, take[3], open_ms)
  local refused = giving.ask(given[7])
  local unread = giving.take(take[1], take[2])
  if starves(take) then meta.hungry, meta.hungry_by = meta.wall, caller.epoch end
  hosts.collect(50)
  caller.collect(DAY)
  local first = math.min(hosts.write(), unread)
  local due = first < math.huge and math.max(0, first - meta.wall) or -1
  local reply = cmsgpack.pack({giving.list, held, refused, due, meta.id, meta.version, giving.blocked})
  caller.write(reply)
  grants.write()
  meta.write()
  batches.commit()
  return reply
end

return errors.answer(exchange)
