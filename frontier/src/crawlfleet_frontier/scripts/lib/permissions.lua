-- May the user who calls this script use all the commands that it needs? Asked before the first write.
local permissions = {asked = {}}

-- Refuse where one of `commands` (names) may not be used on `key`.
function permissions.need(key, commands)
  local asked = permissions.asked[key] or {}
  permissions.asked[key] = asked
  for index = 1, #commands do
    local command = commands[index]
    if not asked[command] and not redis.acl_check_cmd(command, key) then
      error({err = 'NOPERM the script needs the command ' .. command .. ' on ' .. key .. ' and like keys'})
    end
    asked[command] = true
  end
end
