#!lua flags=allow-oom
-- End leases.
-- ARGV     [[token, …] done, [[token, delay in ms, payload or "" for the same], …] retry, [[token, reason, error], …] dead,
--          [token, …] release, [token, …] expired, ms since the worker's previous call], epoch, number
-- reply    [applied, [tokens that are not leases of this epoch, …]]
-- bounds   500 tokens, 1 MiB of payloads; 500 bytes an error
-- errors   NOSENTINEL, FENCED, ORDER, TOOBIG, BADINPUT
-- A released request goes to the front of its host, in the order of the list; an expired one counts a loss and is suspect.
--@include leases
local NAMES = {'done', 'retry', 'dead', 'release', 'expired'}
local MOST_BYTES = 1048576

local function check_retry(word)
  input.integer(word[2], 'a delay', 0, 2 ^ 45)
  input.text(word[3], 'a payload', MOST_BYTES)
  return #word[3]
end

local function check_dead(word)
  input.text(word[2], 'a reason', 100)
  input.text(word[3], 'an error', 500)
  return 0
end

-- All tokens of the call, in order; refuses what is of another shape.
local function check(given)
  local tokens, bytes = {}, 0
  for kind = 1, 5 do
    for _, word in ipairs(input.list(given[kind], NAMES[kind], 500)) do
      local pair = kind == 2 or kind == 3
      if pair and type(word) ~= 'table' then errors.refuse('BADINPUT', NAMES[kind] .. ' is not a list of lists') end
      tokens[#tokens + 1] = input.text(pair and word[1] or word, 'a token of ' .. NAMES[kind], 40)
      if kind == 2 then bytes = bytes + check_retry(word) end
      if kind == 3 then check_dead(word) end
    end
  end
  if #tokens > 500 then errors.refuse('TOOBIG', #tokens .. ' tokens, at most 500 a call') end
  if bytes > MOST_BYTES then
    errors.refuse('TOOBIG', 'payloads of ' .. bytes .. ' bytes, at most ' .. MOST_BYTES .. ' a call')
  end
  input.integer(given[6], 'elapsed', 0, 2 ^ 52)
  return tokens
end

local function retry(entry, word)
  local band, host, request = entries.open(entry)
  if word[3] ~= '' then request = string.sub(request, 1, 1) .. word[3] end
  leases.delay(entries.head(band, host) .. request, store.number('wall') + word[2])
end

local function dead(entry, word)
  local band, host, request = entries.open(entry)
  leases.dead(band, host, request, word[2], word[3])
end

local ENDINGS = {
  function() store.count('done', 1) end,
  retry,
  dead,
  function(entry) leases.back(entry) end,
  function(entry)
    store.counter('expired', 1)
    leases.lose(entry, 'the worker gave it up after its maximum age')
  end,
}

local function stage(given, found)
  local applied, stale = 0, {}
  for kind = 1, 5 do
    for _, word in ipairs(given[kind]) do
      local token = type(word) == 'table' and word[1] or word
      local entry = found[token]
      found[token] = nil
      if entry then
        leases.leave(workers.row, token)
        ENDINGS[kind](entry, word)
        applied = applied + 1
      else
        stale[#stale + 1] = token
      end
    end
  end
  return {applied, stale}
end

local function main()
  local given = input.array(6)
  local tokens = check(given)
  store.open(leases.COMMANDS)
  permissions.need(KEYS[1], store.COMMANDS)
  permissions.need(KEYS[1], queues.COMMANDS)
  permissions.need(KEYS[1], directory.COMMANDS)
  permissions.need(KEYS[1], workers.COMMANDS)
  local repeated = workers.open()
  if repeated then return repeated end
  store.advance_wall(given[6])
  local reply = stage(given, leases.read(workers.row.epoch, tokens))
  leases.plan()
  leases.write()
  return workers.close(reply)
end

return errors.answer(main)
