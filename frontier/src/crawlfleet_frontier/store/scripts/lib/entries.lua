-- A request outside its host's queue (leased, delayed, suspect): its band and host, then the request as the queue has it,
-- which is one byte (its losses, plus 128 once it goes out alone) and what the client encoded.
local entries = {}
local ALONE = 128

-- What comes before the request.
function entries.head(band, host)
  return struct.pack('BBc0', band, #host, host)
end

-- A request as the queue has it.
function entries.request(losses, is_suspect, payload)
  return string.char(math.min(losses, ALONE - 1) + (is_suspect and ALONE or 0)) .. payload
end

-- Whether this entry goes out alone.
function entries.is_suspect(entry)
  return string.byte(entry, 3 + string.byte(entry, 2)) >= ALONE
end

-- What a request is made of: how many workers were lost with it, whether it goes out alone, and the payload.
function entries.parts(request)
  local first = string.byte(request)
  return first % ALONE, first >= ALONE, string.sub(request, 2)
end

-- Band, host and request of an entry.
function entries.open(entry)
  local band, host, from = struct.unpack('BBc0', entry)
  return band, host, string.sub(entry, from)
end
