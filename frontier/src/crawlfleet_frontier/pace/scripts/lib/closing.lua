--@include meta
--@include record
--@include hosts
--@include grants
-- Slots that end, and slots that a worker would like to keep.
local closing = {}
local SUCCESS, SLOW_DOWN = 1, 2
local DAY = 86400000

-- What an answer taught about its host; `sent`: the moment before which its request was not sent.
local function learn(host, sent, outcome, retry_after, crawl)
  if crawl >= 0 then host.crawl = crawl end
  if retry_after > 0 then host.floor = math.max(host.floor, meta.latest + math.min(retry_after, DAY)) end
  if outcome == SLOW_DOWN then record.slow_down(host, sent) end
  if outcome == SUCCESS then record.succeed(host, sent) end
end

-- A report on a host under no grant (any more): it may lengthen the wait and nothing else.
local function lengthen(name, age, outcome, retry_after, crawl)
  local host = hosts.known[name]
  hosts.touch(host, true)
  if age >= 0 then record.arrived(host, meta.latest - age) end
  learn(host, meta.wall, outcome == SLOW_DOWN and outcome or 0, retry_after, math.max(crawl, host.crawl))
end

local function close(token, age, outcome, retry_after, crawl)
  local grant = grants.standing(token)
  if grant then
    local moment = age >= 0 and math.max(meta.latest - age, grant.at) or nil
    learn(grants.finish(grant, moment), grant.at, outcome, retry_after, crawl)
  elseif string.sub(token, 1, 5) == 'host:' then
    lengthen(string.sub(token, 6), age, outcome, retry_after, crawl)
  end
end

-- Read what the closes and holds name.
function closing.load(closes, holds)
  local tokens, names = {}, {}
  for index = 1, #closes do
    local token = closes[index][1]
    tokens[#tokens + 1] = token
    if string.sub(token, 1, 5) == 'host:' then names[#names + 1] = string.sub(token, 6) end
  end
  for index = 1, #holds do tokens[#tokens + 1] = holds[index][1] end
  grants.load(tokens)
  hosts.load(grants.hosts(tokens, names))
end

function closing.close(closes)
  for index = 1, #closes do
    local entry = closes[index]
    close(entry[1], entry[2], entry[3], entry[4], entry[5])
  end
end

-- How many of its slots the worker may go on using: all, half of them where another worker went away empty since, none
-- where the host has a delay now.
local function allowed(host, grant, epoch)
  if grant.several == 0 or record.delay(host) > 0 or host.block == 1 then return 0 end
  local others = host.open - grant.slots
  local most = math.min(grant.slots, math.max(0, host.limit - others))
  if meta.hungry > grant.at and meta.hungry_by ~= epoch then most = math.ceil(most / 2) end
  return most
end

local function hold(token, wanted, epoch, open_ms)
  local grant = grants.standing(token)
  if not grant or grant.deadline <= meta.wall then return 0 end
  if wanted == 0 then
    grants.finish(grant, meta.latest)
    return 0
  end
  local host = hosts.known[grant.host]
  if wanted < grant.slots then
    hosts.open(host, wanted - grant.slots)
    grant.slots = wanted
    grants.keep(grant)
  end
  local most = allowed(host, grant, epoch)
  if most > 0 then
    grant.at = meta.wall
    grant.deadline = meta.latest + meta.SEND_WINDOW + open_ms
    grants.keep(grant)
    grants.watch(grant.token, grant.deadline)
  end
  if grant.several == 1 then
    record.arrived(host, meta.latest)
    hosts.touch(host, true)
  end
  return most
end

-- Returns [[token, slots allowed]...]. What a worker uses beyond that stays open until it says that it does not.
function closing.hold(holds, epoch, open_ms)
  local answers = {}
  for index = 1, #holds do
    answers[index] = {holds[index][1], hold(holds[index][1], holds[index][2], epoch, open_ms)}
  end
  return answers
end
