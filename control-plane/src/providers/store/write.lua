-- Replaces the providers if they have the revision that the caller knows. KEYS: providers.
-- ARGV: the revision, the next one, the text, channel. Answers 1 if it is kept, 0 if others were faster.
local at = redis.call('HGET', KEYS[1], 'revision') or '0'
if at == ARGV[2] and redis.call('HGET', KEYS[1], 'content') == ARGV[3] then
    return 1
end
if at ~= ARGV[1] then
    return 0
end
redis.call('HSET', KEYS[1], 'revision', ARGV[2], 'content', ARGV[3])
redis.call('PUBLISH', ARGV[4], ARGV[2])
return 1
