--@include keys
--@include meta
--@include batches
--@include record
--@include hosts
-- The slots that were given out: a grant is one or, without a delay, several slots of one host.
-- A token is `<short name of the epoch>-<call>.<index>`: never given twice, and its first part says where it is kept.
-- `deadlines` holds one member for all grants of a call, `<short name>-<call>:<how many>`, which stays until its time has
-- come whatever became of them; a grant that was renewed meanwhile gets a member of its own, its token.
local grants = {known = {}, list = {}}
local FORMAT = '>I6I6I2B'  -- at (not sent before), deadline, slots, several (0|1); then the host's name
local FIXED = struct.size(FORMAT)
local unpacked, packed, sub = struct.unpack, struct.pack, string.sub
local MOST_GROUPS, MOST_EXPIRED = 64, 500
local deadlines_add, deadlines_gone = {}, {}
local written, ended = {}, {}  -- by the epochs' short names: what is set in, and removed from, their grants

-- The short name of an epoch.
function grants.id(epoch)
  return string.sub(redis.sha1hex(epoch), 1, 12)
end

local function read(id, tokens)
  local values = redis.call('HMGET', keys.grants(id), unpack(tokens))
  batches.read(keys.grants(id))
  for index = 1, #tokens do
    local value = values[index]
    if value then
      local at, deadline, slots, several = unpacked(FORMAT, value)
      grants.known[tokens[index]] = {
        token = tokens[index], id = id, host = sub(value, FIXED + 1), at = at, deadline = deadline, slots = slots,
        several = several, over = false,
      }
    end
  end
end

-- Read the grants of these tokens (at most 1,000), and their hosts. Unknown ones are left out.
function grants.load(tokens)
  local by_id = {}
  for index = 1, #tokens do
    local id = string.match(tokens[index], '^(%x+)%-')
    if id then
      local some = by_id[id]
      if not some then
        some = {}
        by_id[id] = some
      end
      some[#some + 1] = tokens[index]
    end
  end
  for id, some in pairs(by_id) do read(id, some) end
end

-- The names of the hosts of these tokens.
function grants.hosts(tokens, names)
  for index = 1, #tokens do
    local grant = grants.known[tokens[index]]
    if grant then names[#names + 1] = grant.host end
  end
  return names
end

-- The grant of a token that still stands, or nil.
function grants.standing(token)
  local grant = grants.known[token]
  return grant and not grant.over and grant or nil
end

-- A grant that is new or was changed: it is written at the end, if it still stands.
function grants.keep(grant)
  grants.known[grant.token] = grant
  if not grant.kept then grants.list[#grants.list + 1] = grant end
  grant.kept = true
end

-- The batch of one epoch's grants; kept in `found`.
local function batch(found, command, id)
  found[id] = found[id] or batches.of(command, keys.grants(id))
  return found[id]
end

local function write(grant)
  local fields = batch(written, 'HSET', grant.id)
  local last = #fields
  fields[last + 1] = grant.token
  fields[last + 2] = packed(FORMAT, grant.at, grant.deadline, grant.slots, grant.several) .. grant.host
end

-- Look after this member of `deadlines` at that time.
function grants.watch(member, deadline)
  deadlines_add[#deadlines_add + 1] = deadline
  deadlines_add[#deadlines_add + 1] = member
end

-- Put all that changed into the batches.
function grants.write()
  for index = 1, #grants.list do
    if not grants.list[index].over then write(grants.list[index]) end
  end
  batches.put('ZADD', keys.deadlines, deadlines_add)
  batches.put('ZREM', keys.deadlines, deadlines_gone)
end

-- End a grant: its slots are free. `moment`: a request may have arrived until then; nil where none was sent.
function grants.finish(grant, moment)
  local host = hosts.known[grant.host]
  grant.over = true
  hosts.open(host, -grant.slots)
  if moment and (host.limit == 1 or grant.several == 1) then record.arrived(host, moment) end
  local tokens = batch(ended, 'HDEL', grant.id)
  tokens[#tokens + 1] = grant.token
  return host
end

-- The tokens that a member of `deadlines` stands for.
local function members(member, tokens)
  local call, count = string.match(member, '^(.*):(%d+)$')
  if not call then
    tokens[#tokens + 1] = member
    return
  end
  for index = 1, tonumber(count) do tokens[#tokens + 1] = call .. '.' .. index end
end

local function due_tokens()
  local tokens, due = {}, redis.call('ZRANGEBYSCORE', keys.deadlines, '-inf', meta.wall, 'LIMIT', 0, MOST_GROUPS)
  batches.read(keys.deadlines)
  for _, member in ipairs(due) do
    if #tokens >= MOST_EXPIRED then break end
    members(member, tokens)
    deadlines_gone[#deadlines_gone + 1] = member
  end
  return tokens
end

-- Free what is past its deadline: the socket was closed before it. In steps of at most about 1,000 grants.
function grants.expire()
  local tokens, unread = due_tokens(), {}
  if #tokens == 0 then return end
  for index = 1, #tokens do
    if not grants.known[tokens[index]] then unread[#unread + 1] = tokens[index] end
  end
  grants.load(unread)
  hosts.load(grants.hosts(unread, {}))
  for index = 1, #tokens do
    local grant = grants.standing(tokens[index])
    if grant and grant.deadline <= meta.wall then grants.finish(grant, grant.deadline) end
  end
end
