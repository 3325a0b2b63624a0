-- A request outside its host's queue (leased, delayed, suspect): its band and host, then the request as the queue has it,
-- which is one byte of losses and what the client encoded.
local entries = {}

-- What comes before the request.
function entries.head(band, host)
  return struct.pack('BBc0', band, #host, host)
end

-- A request as the queue has it.
function entries.request(losses, payload)
  return string.char(math.min(losses, 255)) .. payload
end

-- How many workers were lost with this entry.
function entries.losses(entry)
  return string.byte(entry, 3 + string.byte(entry, 2))
end

-- Band, host and request of an entry.
function entries.open(entry)
  local band, host, from = struct.unpack('BBc0', entry)
  return band, host, string.sub(entry, from)
end
