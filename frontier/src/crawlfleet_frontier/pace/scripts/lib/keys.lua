--@include errors
-- The pace store's keys: all from KEYS[1], so that they carry its tag.
if not string.find(KEYS[1] or '', ':meta$') then
  return redis.error_reply('BADINPUT KEYS[1] is not the meta key of a pace store')
end
local prefix = string.sub(KEYS[1], 1, -5)
local keys = {
  meta = KEYS[1],
  policy = prefix .. 'policy',
  ready = prefix .. 'ready',
  clock = prefix .. 'clock',
  resting = prefix .. 'resting',
  deadlines = prefix .. 'deadlines',
  epochs = prefix .. 'epochs',
  robots = prefix .. 'robots',
}

-- The hash of one epoch's numbers and replies.
function keys.epoch(epoch)
  return prefix .. 'e:' .. epoch
end

-- The hash of one epoch's grants, by the short name that begins its tokens.
function keys.grants(id)
  return prefix .. 'g:' .. id
end
