--@include workers
-- The leases of epochs: which there are, and that they end. What becomes of the requests: `endings`.
local leases = {}
local ended = {}
local SMALL = 128

-- The leases of an epoch that `tokens` (at most 500) name: token → entry.
function leases.read(epoch, tokens)
  local found = {}
  if #tokens == 0 then return found end
  local values = redis.call('HMGET', workers.leases_key(epoch), unpack(tokens))
  for index = 1, #tokens do found[tokens[index]] = values[index] or nil end
  return found
end

-- Which of these tokens are leases of the row's epoch: token → true. Redis looks through a small hash from its front for each
-- field that is asked for, so of those all names are read at once.
function leases.standing(row, tokens)
  local found, key = {}, workers.leases_key(row.epoch)
  if row.held <= SMALL then
    local names = redis.call('HKEYS', key)
    for index = 1, #names do found[names[index]] = true end
  elseif #tokens > 0 then
    local values = redis.call('HMGET', key, unpack(tokens))
    for index = 1, #tokens do found[tokens[index]] = values[index] and true end
  end
  return found
end

local function order(one, other)
  local n1, i1 = string.match(one, '^(%d+)%.(%d+)$')
  local n2, i2 = string.match(other, '^(%d+)%.(%d+)$')
  if n1 == n2 then return tonumber(i1) < tonumber(i2) end
  return tonumber(n1) < tonumber(n2)
end

-- Sort tokens into the order in which they were given.
function leases.sort(tokens)
  table.sort(tokens, order)
end

-- Up to `most` leases of an epoch: a list of tokens in the order in which they were given, and token → entry.
function leases.some(epoch, most)
  local flat, tokens, found = redis.call('HRANDFIELD', workers.leases_key(epoch), most, 'WITHVALUES'), {}, {}
  for index = 1, #flat, 2 do
    tokens[#tokens + 1] = flat[index]
    found[flat[index]] = flat[index + 1]
  end
  leases.sort(tokens)
  return tokens, found
end

-- End leases of the epoch of `row`: they leave the epoch's leases.
function leases.leave(row, tokens)
  if #tokens == 0 then return end
  permissions.need(KEYS[1], {'HDEL'})
  workers.let_go(row, tokens)
  store.count('leased', -#tokens)
  ended[#ended + 1] = {key = workers.leases_key(row.epoch), tokens = tokens}
end

-- Stage that requests are done: their leases simply end. Returns how many, and the tokens that are no leases of the row's epoch.
function leases.finish(row, tokens)
  if #tokens == 0 then return 0, {} end
  local found, gone, stale = leases.standing(row, tokens), {}, {}
  for index = 1, #tokens do
    local token = tokens[index]
    if found[token] then
      found[token] = nil
      gone[#gone + 1] = token
    else
      stale[#stale + 1] = token
    end
  end
  store.count('done', #gone)
  leases.leave(row, gone)
  return #gone, stale
end

-- Write the ends that are staged.
function leases.write()
  for index = 1, #ended do store.send('HDEL', ended[index].key, ended[index].tokens) end
end
