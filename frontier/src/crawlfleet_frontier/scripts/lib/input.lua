--@include errors
-- Checks of a script's arguments. Each returns the value it was given or refuses, naming the argument.
local input = {}

-- The array that ARGV[1] holds, of at least `fields` values.
function input.array(fields)
  local fine, value = pcall(cmsgpack.unpack, ARGV[1] or '')
  if not fine or type(value) ~= 'table' or #value < fields then
    errors.refuse('BADINPUT', 'the first argument is not a MessagePack array of ' .. fields .. ' values')
  end
  return value
end

-- A list of at most `most` values; more is TOOBIG.
function input.list(value, name, most)
  if type(value) ~= 'table' then errors.refuse('BADINPUT', name .. ' is not a list') end
  if #value > most then errors.refuse('TOOBIG', name .. ' has ' .. #value .. ' entries, at most ' .. most .. ' a call') end
  return value
end

-- A whole number from `low` to `high`.
function input.integer(value, name, low, high)
  if type(value) ~= 'number' or value % 1 ~= 0 or value < low or value > high then
    errors.refuse('BADINPUT', name .. ' is not a whole number from ' .. low .. ' to ' .. high)
  end
  return value
end

-- A string of at most `most` bytes.
function input.text(value, name, most)
  if type(value) ~= 'string' then errors.refuse('BADINPUT', name .. ' is not a string') end
  if #value > most then errors.refuse('BADINPUT', name .. ' has ' .. #value .. ' bytes, at most ' .. most) end
  return value
end

-- One of the words that are the keys of `allowed`.
function input.word(value, name, allowed)
  if type(value) ~= 'string' or not allowed[value] then errors.refuse('BADINPUT', name .. ' is not one of its words') end
  return value
end
