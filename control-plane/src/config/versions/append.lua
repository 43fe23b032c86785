-- Keeps a version if its id follows the latest. KEYS: newest, versions, documents.
-- ARGV: id, version, document, the id that leaves, channel. Answers 1 if the version is kept, 0 if others were faster.
local id = tonumber(ARGV[1])
local newest = tonumber(redis.call('GET', KEYS[1]) or '0')
if newest == id and redis.call('HGET', KEYS[2], ARGV[1]) == ARGV[2] then
    return 1
end
if newest + 1 ~= id then
    return 0
end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[3])
redis.call('HDEL', KEYS[2], ARGV[4])
redis.call('HDEL', KEYS[3], ARGV[4])
redis.call('SET', KEYS[1], ARGV[1])
redis.call('PUBLISH', ARGV[5], ARGV[1])
return 1
