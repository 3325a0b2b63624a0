#!lua
-- Queue dead letters again: losses 0, to the end of their hosts' bands.
-- ARGV[1]  [[stream id, …]]
-- reply    [replayed]; ids that are not there (any more) count nothing
-- bounds   500 letters
-- errors   NOSENTINEL, CLOSED, TOOBIG, BADINPUT
--@include outbox

local function letter(id)
  local entry = redis.call('XRANGE', store.key('dead'), id, id)[1]
  if not entry then return nil end
  local fields = {}
  for index = 1, #entry[2], 2 do fields[entry[2][index]] = entry[2][index + 1] end
  return fields
end

local function stage(ids)
  local gone, met = {}, {}
  for index = 1, #ids do
    local fields = not met[ids[index]] and letter(ids[index])
    met[ids[index]] = true
    if fields then
      queues.append(queues.load(fields.host), tonumber(fields.band), entries.request(0, false, fields.payload))
      gone[#gone + 1] = ids[index]
    end
  end
  store.count('dead', -#gone)
  store.count('queued', #gone)
  return gone
end

local function main()
  local ids = input.list(input.array(1)[1], 'stream ids', 500)
  for index = 1, #ids do
    if not string.find(input.text(ids[index], 'a stream id', 50), '^%d+%-%d+$') then
      errors.refuse('BADINPUT', 'a stream id is not of the form milliseconds-number')
    end
  end
  store.open({'uid', 'state'})
  permissions.need(KEYS[1], {'XDEL'})
  if store.text('state') ~= 'open' then errors.refuse('CLOSED', 'the job is closed: reopen it before replaying') end
  local gone = stage(ids)
  queues.plan()
  outbox.plan()
  store.send('XDEL', store.key('dead'), gone)
  queues.write()
  outbox.write()
  store.write()
  return cmsgpack.pack({#gone})
end

return errors.answer(main)
