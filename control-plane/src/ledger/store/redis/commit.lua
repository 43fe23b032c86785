-- Saves one step on the ledger, if nothing that it was decided by has changed meanwhile.
--
-- Why a script: the comparison and all writes must be one step, on all rows at once. Why it does no arithmetic on
-- amounts: numbers are doubles here, and amounts use 64 bits. (The revision is counted by the server, exactly; it is
-- compared here, which is exact up to 2^53 steps.)
--
-- KEYS (all in one slot)
--   1  the rows: a hash with the fields `epoch`, `revision`, `a:<account>` and `l:<lease>`
--   2  leases that are not settled, by expiry: a sorted set
--   3  all leases, by renewal: a sorted set
--   4  names of all accounts: a sorted set of score 0, for lists by name
-- ARGV
--   epoch, least revision, channel, message (empty: none),
--   number of rows read,        for each: field, body as it was read (empty: there was none)
--   number of changed accounts, for each: name, field, new body (empty: delete)
--   number of changed leases,   for each: id, field, new body (empty: delete), expiry (empty: settled), renewal
-- Reply
--   {'done', new revision}, {'changed', nothing} when a row is another than was read, {'epoch', the one found or nothing},
--   {'back', revision found} when it is lower than the least; nothing is written unless 'done'

local rows, due, renewed, names = KEYS[1], KEYS[2], KEYS[3], KEYS[4]

local at = 0
local function take()
  at = at + 1
  return ARGV[at]
end

local epoch, least, channel, message = take(), take(), take(), take()

local found = redis.call('HGET', rows, 'epoch')
if found ~= epoch then
  return { 'epoch', found }
end
local revision = redis.call('HGET', rows, 'revision') or '0'
if tonumber(revision) < tonumber(least) then
  return { 'back', revision }
end
for _ = 1, tonumber(take()) do
  local field, body = take(), take()
  if (redis.call('HGET', rows, field) or '') ~= body then
    return { 'changed', false }
  end
end

-- An error half-way would leave what was written before it. A key of a wrong type fails here, before anything is.
for _, index in ipairs({ due, renewed, names }) do
  redis.call('ZCARD', index)
end

local function put(field, body)
  if body == '' then
    redis.call('HDEL', rows, field)
  else
    redis.call('HSET', rows, field, body)
  end
end

local function place(index, member, score)
  if score == '' then
    redis.call('ZREM', index, member)
  else
    redis.call('ZADD', index, score, member)
  end
end

for _ = 1, tonumber(take()) do
  local name, field, body = take(), take(), take()
  place(names, name, body == '' and '' or '0')
  put(field, body)
end
for _ = 1, tonumber(take()) do
  local id, field, body, expiry, renewal = take(), take(), take(), take(), take()
  place(due, id, expiry)
  place(renewed, id, renewal)
  put(field, body)
end
local new = redis.call('HINCRBY', rows, 'revision', 1)
if message ~= '' then
  -- Whoever misses it looks again after a moment: not worth an error once the step is saved.
  redis.pcall('PUBLISH', channel, message)
end
return { 'done', new }
