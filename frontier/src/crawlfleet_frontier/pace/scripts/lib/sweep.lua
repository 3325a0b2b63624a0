--@include keys
--@include meta
--@include hosts
-- After a change of the policy the scores in `ready` are those of the old one, and a host whose slots were all open may have
-- a free one now. A few records at each call are set anew; a host that is met before its turn is judged by the new policy
-- anyway. Hosts that were never asked have no record and need none of this.
local sweep = {}

function sweep.some(most)
  if meta.sweep == '' then return end
  local found = redis.call('HSCAN', keys.clock, meta.sweep, 'COUNT', most)
  local names = {}
  for index = 1, #found[2], 2 do names[#names + 1] = found[2][index] end
  hosts.load(names)
  for index = 1, #names do hosts.touch(hosts.known[names[index]]) end
  meta.sweep = found[1] == '0' and '' or found[1]
end
