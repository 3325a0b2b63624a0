#!lua flags=allow-oom
-- Who runs start(), and is it through?
-- ARGV     ["claim" | "done" | "abandon"], epoch
-- reply    ["run" the caller holds the claim | "wait" another live worker does, or nobody | "seeded"]
-- errors   NOSENTINEL, FENCED, BADINPUT
-- The claim of a worker that is not live any more is free. "done" and "abandon" count only from the holder.
--@include workers
local WORDS = {claim = true, done = true, abandon = true}

local function holds(epoch)
  return store.text('seed_state') == 'seeding' and store.text('seed_epoch') == epoch
end

local function claim(epoch)
  if holds(epoch) then return 'run' end
  if store.text('seed_state') == 'seeding' and workers.is_live(store.text('seed_epoch')) then return 'wait' end
  store.put('seed_state', 'seeding')
  store.put('seed_epoch', epoch)
  return 'run'
end

local function give_up(epoch, state, answer)
  if holds(epoch) then
    store.put('seed_state', state)
    store.put('seed_epoch', '')
    return answer
  end
  return 'wait'
end

local function main()
  local word, epoch = input.word(input.array(1)[1], 'the word', WORDS), workers.epoch()
  store.open({'uid'})
  workers.need(epoch)
  local answer
  if store.text('seed_state') == 'seeded' then answer = 'seeded'
  elseif word == 'claim' then answer = claim(epoch)
  elseif word == 'done' then answer = give_up(epoch, 'seeded', 'seeded')
  else answer = give_up(epoch, 'unseeded', 'wait') end
  store.write()
  return cmsgpack.pack({answer})
end

return errors.answer(main)
