--@include hosts
-- Which hosts have work: the newest serial wins, in whatever order the messages come.
local waiting = {}

local function names(entries, into)
  for index = 1, #entries do into[#into + 1] = entries[index][1] end
end

local function raise(entries, field)
  for index = 1, #entries do
    local host = hosts.known[entries[index][1]]
    local serial = entries[index][2]
    if serial > host[field] then
      host[field] = serial
      hosts.touch(host)
    end
  end
end

function waiting.apply(wants, idles)
  local all = {}
  names(wants, all)
  names(idles, all)
  if #all == 0 then return end
  hosts.load(all)
  raise(wants, 'want')
  raise(idles, 'idle')
end
