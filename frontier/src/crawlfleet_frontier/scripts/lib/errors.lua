-- How a script says no. Every script ends with `return errors.answer(main)`; anywhere inside `main`, before the first
-- write, `errors.refuse(word, text)` ends it with the error reply `word text`. Errors of redis.call come out as they are.
local errors = {}

function errors.refuse(word, text)
  error({err = word .. ' ' .. text})
end

function errors.answer(main)
  local fine, reply = pcall(main)
  if fine or type(reply) == 'table' then return reply end
  -- Redis' own pcall hands an error table over as its text.
  reply = tostring(reply)
  if not string.find(reply, '^[A-Z]+ ') then reply = 'ERR ' .. reply end
  return redis.error_reply(reply)
end
