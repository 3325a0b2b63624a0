#!lua flags=allow-oom
-- Put all hosts with queued requests into the outbox again, for a pace store that is new or another one.
-- ARGV[1]  [the pace store's id, cursor; 0 to begin]
-- reply    [the next cursor; 0 = through, and meta.pace_id is set]
-- bounds   about 500 hosts a call: whole buckets, 30 at most
-- errors   NOSENTINEL, BADINPUT
--@include outbox
local MOST_BUCKETS, ENOUGH = 30, 500

local function main()
  local given = input.array(2)
  local pace_id, cursor = input.text(given[1], 'the pace store\'s id', 100), input.integer(given[2], 'cursor', 0, 2 ^ 53)
  store.open({'uid'})
  local buckets, last = store.number('h_buckets'), cursor + MOST_BUCKETS
  while cursor < buckets and cursor < last and #outbox.pairs < 2 * ENOUGH do
    for _, host in ipairs(redis.call('HKEYS', store.key('h', cursor))) do outbox.wake(host) end
    cursor = cursor + 1
  end
  outbox.plan()
  if cursor >= buckets then
    cursor = 0
    store.put('pace_id', pace_id)
  end
  outbox.write()
  store.write()
  return cmsgpack.pack({cursor})
end

return errors.answer(main)
