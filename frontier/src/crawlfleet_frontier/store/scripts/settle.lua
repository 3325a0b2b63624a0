#!lua flags=allow-oom
-- End leases.
-- ARGV     [[token, …] done, [[token, delay in ms, payload or "" for the same], …] retry, [[token, reason, error], …] dead,
--          [token, …] release, [token, …] expired, ms since the worker's previous call], epoch, number
-- reply    [applied, [tokens that are not leases of this epoch, …]]
-- bounds   500 tokens, 1 MiB of payloads; 500 bytes an error
-- errors   NOSENTINEL, FENCED, ORDER, TOOBIG, BADINPUT
-- A released request goes to the front of its host, in the order of the list, a suspect to the end of the suspects; an
-- expired one counts a loss (see reap).
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
    local words, is_row = input.list(given[kind], NAMES[kind], 500), kind == 2 or kind == 3
    for index = 1, #words do
      local token = words[index]
      if is_row then
        if type(token) ~= 'table' then errors.refuse('BADINPUT', NAMES[kind] .. ' is not a list of lists') end
        bytes = bytes + (kind == 2 and check_retry or check_dead)(token)
        token = token[1]
      end
      if type(token) ~= 'string' or #token > 40 then
        errors.refuse('BADINPUT', 'a token of ' .. NAMES[kind] .. ' is not a string of at most 40 bytes')
      end
      tokens[#tokens + 1] = token
    end
  end
  if #tokens > 500 then errors.refuse('TOOBIG', #tokens .. ' tokens, at most 500 a call') end
  if bytes > MOST_BYTES then
    errors.refuse('TOOBIG', 'payloads of ' .. bytes .. ' bytes, at most ' .. MOST_BYTES .. ' a call')
  end
  input.integer(given[6], 'elapsed', 0, 2 ^ 52)
  return tokens
end

-- What only words other than done need; made when there are some.
local function others()
--@include endings

local function retry(entry, word)
  local band, host, request = entries.open(entry)
  if word[3] ~= '' then request = string.sub(request, 1, 1) .. word[3] end
  endings.delay(entries.head(band, host) .. request, store.number('wall') + word[2])
end

local function dead(entry, word)
  local band, host, request = entries.open(entry)
  endings.dead(band, host, request, word[2], word[3])
end

local function expire(entry)
  store.counter('expired', 1)
  endings.lose(entry, 'the worker gave it up after its maximum age')
end

return endings, {false, retry, dead, endings.back, expire}
end

local function settle_done(tokens)
  local ended, stale = leases.finish(workers.row, tokens)
  leases.write()
  store.write()
  return {ended, stale}
end

-- Stage each word; returns the reply and the tokens of leases that end.
local function stage(given, found, kinds)
  local ended, stale = {}, {}
  for kind = 1, 5 do
    local words, ending = given[kind], kinds[kind]
    for index = 1, #words do
      local word = words[index]
      local token = (kind == 2 or kind == 3) and word[1] or word
      local entry = found[token]
      if entry then
        found[token] = nil
        ended[#ended + 1] = token
        if ending then ending(entry, word) end
      else
        stale[#stale + 1] = token
      end
    end
    if kind == 1 then store.count('done', #ended) end
  end
  return {#ended, stale}, ended
end

local function main()
  local given = input.array(6)
  local tokens = check(given)
  store.open({'uid', 'wall', 'last'}, {'leased', 'done'})
  local repeated = workers.open()
  if repeated then return repeated end
  store.advance_wall(given[6])
  if #tokens == #given[1] then return workers.close(settle_done(tokens)) end
  local endings, kinds = others()
  local reply, ended = stage(given, leases.read(workers.row.epoch, tokens), kinds)
  leases.leave(workers.row, ended)
  endings.plan()
  endings.write()
  return workers.close(reply)
end

return errors.answer(main)
