#!lua flags=allow-oom
-- A worker says what it holds; leases that it does not hold go back to the front of their hosts (or to the suspects), no loss
-- counted.
-- ARGV     [[token, …] held], epoch, number
-- reply    [returned, [tokens held that are not leases of this epoch, …]]
-- bounds   5,000 tokens; 500 leases are returned a call (the next beat tells whether there are more)
-- errors   NOSENTINEL, FENCED, ORDER, TOOBIG, BADINPUT
--@include endings

local function lost(kept, is_held)
  local tokens = {}
  for index = 1, #kept do
    if not is_held[kept[index]] then tokens[#tokens + 1] = kept[index] end
  end
  leases.sort(tokens)
  return {unpack(tokens, 1, math.min(#tokens, 500))}
end

local function reconcile(held)
  local is_held, is_kept, unknown = {}, {}, {}
  for index = 1, #held do is_held[held[index]] = true end
  local kept = redis.call('HKEYS', workers.leases_key(workers.row.epoch))
  for index = 1, #kept do is_kept[kept[index]] = true end
  for index = 1, #held do
    if not is_kept[held[index]] then unknown[#unknown + 1] = held[index] end
  end
  local tokens = lost(kept, is_held)
  local found = leases.read(workers.row.epoch, tokens)
  leases.leave(workers.row, tokens)
  for index = 1, #tokens do endings.back(found[tokens[index]]) end
  return {#tokens, unknown}
end

local function main()
  local held = input.list(input.array(1)[1], 'tokens', 5000)
  for index = 1, #held do input.text(held[index], 'a token', 40) end
  store.open({'uid'})
  local repeated = workers.open()
  if repeated then return repeated end
  local reply = reconcile(held)
  endings.plan()
  endings.write()
  return workers.close(reply)
end

return errors.answer(main)
