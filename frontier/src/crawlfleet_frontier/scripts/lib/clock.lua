-- Clocks made of Redis' TIME that never run faster than real time, and serials that never go back.
local clock = {}

-- TIME in whole milliseconds and in microseconds.
function clock.now()
  local time = redis.call('TIME')
  local micros = tonumber(time[1]) * 1000000 + tonumber(time[2])
  return math.floor(micros / 1000), micros
end

-- The clock after TIME went from `last` to `now`, moved by at most `most` and never back (all in ms).
function clock.advance(value, last, now, most)
  return value + math.max(0, math.min(now - last, most))
end

-- The serial after `last`: one more, or TIME in microseconds where that is more (so that a restored Redis does not go back).
function clock.serial(last, micros)
  return math.max(last + 1, micros)
end

-- A whole number below 2^53 in digits: `..` keeps only 14 of them.
function clock.digits(number)
  return string.format('%.0f', number)
end
