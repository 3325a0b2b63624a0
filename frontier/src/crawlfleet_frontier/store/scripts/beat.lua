#!lua flags=allow-oom
-- A worker says that it lives, how it is and what it did since its beat before; moves the lease clock.
-- ARGV     [state (JSON), [counter, increment, …], number of the last call, leases held, sum of their tokens], epoch,
--          number of the beat (1, 2, …; its own sequence)
-- reply    [1 applied | 0 a repeat: counters were added before, seed state, job state, epochs to reap,
--          1 where the leases held differ else 0, suspects]
-- errors   NOSENTINEL, FENCED, ORDER, BADINPUT, TOOBIG (more than 200 counters)
-- The sum is that of n * 1000 + i over the tokens n.i held, modulo 2^31; it is compared only where the number of the last
-- call is the one known here. A repeat is a sign of life too.
--@include workers

local function increments(list)
  input.list(list, 'counters', 400)
  if #list % 2 == 1 then errors.refuse('BADINPUT', 'counters are not pairs of name and increment') end
  for index = 1, #list, 2 do
    input.text(list[index], 'a counter\'s name', 200)
    input.integer(list[index + 1], 'an increment', -2 ^ 52, 2 ^ 52)
  end
  return list
end

local function differs(row, after, held, sum)
  if tonumber(row[2] or 0) ~= after then return 0 end
  return (tonumber(row[3] or 0) ~= held or tonumber(row[4] or 0) ~= sum) and 1 or 0
end

local function apply(epoch, number, state, pairs)
  for index = 1, #pairs, 2 do store.counter(pairs[index], pairs[index + 1]) end
  store.write()
  redis.call('HSET', workers.row_key(epoch), 'beat', number, 'state', state)
end

local function main()
  local given, epoch, number = input.array(5), workers.epoch(), numbered.number(1)
  local state, pairs = input.text(given[1], 'state', 65536), increments(given[2])
  for index = 3, 5 do input.integer(given[index], 'a number of the digest', 0, 2 ^ 53) end
  store.open({'uid', 'lease_clock', 'lease_last', 'silence_ms', 'seed_state', 'state'}, {'suspects'})
  permissions.need(KEYS[1], {'ZADD', 'ZCOUNT'})
  workers.need(epoch)
  local row = redis.call('HMGET', workers.row_key(epoch), 'beat', 'n', 'held', 'sum')
  local last = tonumber(row[1] or 0)
  if number > last + 1 then
    errors.refuse('ORDER', string.format('beat %.0f came where %.0f is the next', number, last + 1))
  end
  store.advance_leases()
  redis.call('ZCARD', store.key('fencing'))
  local applied = number > last and 1 or 0
  if applied == 1 then apply(epoch, number, state, pairs) else store.write() end
  redis.call('ZADD', store.key('workers'), store.number('lease_clock'), epoch)
  return cmsgpack.pack({applied, store.text('seed_state'), store.text('state'), workers.to_reap(),
    differs(row, given[3], given[4], given[5]), store.tallied('suspects')})
end

return errors.answer(main)
