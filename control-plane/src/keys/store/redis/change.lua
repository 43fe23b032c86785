-- Makes one change of the keys, if the store stands where the gateway thinks it does.
--
-- KEYS[1]  meta     hash: epoch, revision, stamp, keyed
-- KEYS[2]  records  hash: id -> record; a key's record begins with its token's hash, 64 characters
-- KEYS[3]  tokens   hash: token's hash -> id
-- KEYS[4]  log      sorted set: <stamp>=<id> or <stamp>!, by revision
--
-- ARGV[1]  epoch that the gateway knows
-- ARGV[2]  revision that the gateway knows
-- ARGV[3]  stamp of that revision; empty for revision 0
-- ARGV[4]  stamp of this change, random
-- ARGV[5]  put | remove | bury | note
-- ARGV[6]  id; empty for note
-- ARGV[7]  token's hash, for put
-- ARGV[8]  record, for put and bury
-- ARGV[9]  how many changes the log keeps
-- ARGV[10] channel on which the new revision is published
--
-- Reply: {"ok", revision, stamp}    done, or nothing to do; where the store stands now
--        {"moved"}                  not done: the store has come further
--        {"taken", id}              not done: this key has the token
--        {"lost", epoch, revision}  not done: these are not the keys that the gateway knows; the epoch may be empty
--
-- Reason for a script: the comparison, the token's uniqueness, the record, the log and the revision are one step, for
-- every gateway. "note" compares nothing but the epoch, because it is true whatever else has changed.

local meta = redis.call('HMGET', KEYS[1], 'epoch', 'revision', 'stamp')
local epoch, revision, stamp = meta[1] or '', meta[2] or '0', meta[3] or ''
local operation, id = ARGV[5], ARGV[6]

if epoch ~= ARGV[1] then
  return {'lost', epoch, revision}
end
if stamp == ARGV[4] then
  -- This change was made before, and only its reply was lost.
  return {'ok', revision, stamp}
end
if operation == 'note' then
  if redis.call('HEXISTS', KEYS[1], 'keyed') == 1 then
    return {'ok', revision, stamp}
  end
elseif revision ~= ARGV[2] or stamp ~= ARGV[3] then
  return {'moved'}
end

local former = id ~= '' and redis.call('HGET', KEYS[2], id)
if operation == 'put' then
  local holder = redis.call('HGET', KEYS[3], ARGV[7])
  if holder and holder ~= id then
    return {'taken', holder}
  end
elseif operation == 'remove' and not former then
  return {'ok', revision, stamp}
end

if former then
  redis.call('HDEL', KEYS[3], string.sub(former, 1, 64))
end
if operation == 'put' then
  redis.call('HSET', KEYS[3], ARGV[7], id)
end
if operation == 'put' or operation == 'bury' then
  redis.call('HSET', KEYS[2], id, ARGV[8])
elseif operation == 'remove' then
  redis.call('HDEL', KEYS[2], id)
end

redis.call('HINCRBY', KEYS[1], 'revision', 1)
redis.call('HSET', KEYS[1], 'stamp', ARGV[4])
if operation == 'put' or operation == 'note' then
  redis.call('HSET', KEYS[1], 'keyed', 'true')
end
revision = redis.call('HGET', KEYS[1], 'revision')
local entry = operation == 'note' and ARGV[4] .. '!' or ARGV[4] .. '=' .. id
redis.call('ZADD', KEYS[4], revision, entry)
redis.call('ZREMRANGEBYRANK', KEYS[4], 0, -1 - tonumber(ARGV[9]))
redis.call('PUBLISH', ARGV[10], revision)
return {'ok', revision, ARGV[4]}
