-- May the user who calls this script use all the commands that it needs? Asked before the first write, for what will be
-- written and what will be read after that; a command that is refused before it harms nothing.
local permissions = {}
local acl_check, asked = redis.acl_check_cmd, {}

-- Refuse where this command (its name) may not be used on `key`, which stands for all keys of its store.
function permissions.ask(key, command)
  if asked[command] then return end
  if not acl_check(command, key) then
    error({err = 'NOPERM the script needs the command ' .. command .. ' on ' .. key .. ' and like keys'})
  end
  asked[command] = true
end

-- Refuse where one of `commands` may not be used on `key`, of the store or not.
function permissions.need(key, commands)
  for index = 1, #commands do
    if key ~= KEYS[1] then asked[commands[index]] = nil end
    permissions.ask(key, commands[index])
    if key ~= KEYS[1] then asked[commands[index]] = nil end
  end
end
