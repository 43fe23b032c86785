-- Begins the ledger, if nobody has.
--
-- Why a script: of several gateways that start at once, one makes the epoch and all see it; and where the rows are gone
-- (deleted or evicted) the indexes, which are keys of their own, must not outlive them.
--
-- KEYS  as in commit.lua
-- ARGV  the epoch to begin with
-- Reply {1 if it has been begun now, else 0, epoch, revision}

local rows = KEYS[1]
local created = 0
if redis.call('HEXISTS', rows, 'epoch') == 0 then
  if redis.call('EXISTS', rows) == 0 then
    redis.call('DEL', KEYS[2], KEYS[3], KEYS[4])
  end
  redis.call('HSET', rows, 'epoch', ARGV[1], 'revision', '0')
  created = 1
end
return { created, redis.call('HGET', rows, 'epoch'), redis.call('HGET', rows, 'revision') }
