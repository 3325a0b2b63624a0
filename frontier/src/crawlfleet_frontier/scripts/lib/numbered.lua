--@include errors
-- Numbered calls of an epoch: the next number is carried out, one of the last eight is answered with the reply it had,
-- anything else is refused with ORDER. The epoch's hash holds `n` (the last number) and `r0` … `r7` (the replies).
local numbered = {}
local KEPT = 8

-- The number in ARGV[3], a whole number of at least `low`.
function numbered.number(low)
  local number = tonumber(ARGV[3])
  if not number or number % 1 ~= 0 or number < low or number > 9007199254740991 then
    errors.refuse('BADINPUT', 'the call\'s number is not a whole number from ' .. low)
  end
  return number
end

-- The reply that call `number` had, or nil where it is the next one. `last` and `reply` are the fields `n` and
-- `numbered.slot(number)` of the epoch's hash as HMGET returned them.
function numbered.repeated(last, reply, number)
  last = tonumber(last or 0)
  if number == last + 1 then return nil end
  if number > last - KEPT and number <= last and reply then return reply end
  errors.refuse('ORDER', string.format('call %.0f came where %.0f is the next', number, last + 1))
end

-- The field that keeps the reply of call `number`.
function numbered.slot(number)
  return 'r' .. number % KEPT
end
