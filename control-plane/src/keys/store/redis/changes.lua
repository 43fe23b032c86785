-- Reads the changes of the keys after a revision. Writes nothing.
--
-- KEYS[1]  meta     hash: epoch, revision, stamp
-- KEYS[2]  records  hash: id -> record
-- KEYS[3]  log      sorted set: <stamp>=<id> or <stamp>!, by revision
--
-- ARGV[1]  epoch that the gateway knows
-- ARGV[2]  revision that the gateway knows
-- ARGV[3]  stamp of that revision; empty for revision 0
-- ARGV[4]  how many changes to read at most
--
-- Reply: {"ok", entry, revision, record, entry, revision, record, ...}  oldest first; the record as it is now, or nil
--        {"gap"}                    the log does not reach back so far: everything has to be read
--        {"lost", epoch, revision}  these are not the keys that the gateway knows; the epoch may be empty
--
-- Reason for a script: whether the gateway's revision is part of this history, and what followed, is seen at one
-- moment.

local meta = redis.call('HMGET', KEYS[1], 'epoch', 'revision', 'stamp')
local epoch, revision, stamp = meta[1] or '', meta[2] or '0', meta[3] or ''
local known = tonumber(ARGV[2])

if epoch ~= ARGV[1] or tonumber(revision) < known then
  return {'lost', epoch, revision}
end
if revision == ARGV[2] then
  if stamp == ARGV[3] then
    return {'ok'}
  end
  return {'lost', epoch, revision}
end

local oldest = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')[2]
if not oldest or tonumber(oldest) > known + 1 or (known > 0 and tonumber(oldest) > known) then
  return {'gap'}
end
if known > 0 then
  local own = redis.call('ZRANGEBYSCORE', KEYS[3], known, known)[1]
  if not own or string.sub(own, 1, #ARGV[3]) ~= ARGV[3] then
    return {'lost', epoch, revision}
  end
end

local reply = {'ok'}
local entries = redis.call('ZRANGEBYSCORE', KEYS[3], '(' .. ARGV[2], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[4])
for at = 1, #entries, 2 do
  local entry = entries[at]
  local id = string.match(entry, '^[^=!]*=(.*)$')
  reply[#reply + 1] = entry
  reply[#reply + 1] = entries[at + 1]
  reply[#reply + 1] = id and redis.call('HGET', KEYS[2], id) or false
end
return reply
