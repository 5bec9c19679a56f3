"""Where answers are that may be given again, and how much room they have.

Those of an organisation are in one hash of Redis, so that they share a bound and go
together. What the bound leaves no room for goes in the order in which it would end.
"""

from dataclasses import dataclass
from functools import lru_cache

from redis.exceptions import RedisError

from core.errors import Unavailable
from stores.lean_redis import Script
from stores.redis import client, prefixed

# What is asked again and again is short; a request of megabytes is not worth its hash.
MOST_REQUEST = 1_000_000
# Longer than models write.
MOST_ANSWER = 1_000_000
# Of one organisation, in bytes as they are kept: some ten thousand short answers. A
# hundred organisations that fill it take 2 GB of Redis, as much as a small one has.
MOST_BYTES = 20_000_000
# Of those that have ended, so many go with each that comes: Redis does nothing else
# meanwhile.
SWEPT_AT_ONCE = 100

# Keys: answers, when each ends, the size of each (and of all, as ``total``).
KEEP = Script(f"""
local name, value, seconds, most = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local now = tonumber(redis.call('TIME')[1])

local function remove(each)
  local size = redis.call('HGET', KEYS[3], each)
  redis.call('ZREM', KEYS[2], each)
  if not size then return end
  redis.call('HDEL', KEYS[1], each)
  redis.call('HDEL', KEYS[3], each)
  redis.call('HINCRBY', KEYS[3], 'total', -tonumber(size))
end

local over = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, {SWEPT_AT_ONCE})
for _, each in ipairs(over) do remove(each) end
remove(name)
if #value > most then return 0 end
redis.call('HSET', KEYS[1], name, value)
redis.call('HSET', KEYS[3], name, #value)
redis.call('ZADD', KEYS[2], now + seconds, name)
while redis.call('HINCRBY', KEYS[3], 'total', 0) + #value > most do
  local next = redis.call('ZRANGE', KEYS[2], 0, 1)
  remove(next[1] == name and next[2] or next[1])
end
redis.call('HINCRBY', KEYS[3], 'total', #value)
local last = tonumber(redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')[2])
for _, key in ipairs(KEYS) do redis.call('EXPIREAT', key, last + 1) end
return 1
""")


@dataclass(frozen=True, slots=True)
class CacheSize:
    """How many answers an organisation has in its cache, and their bytes together."""

    answers: int
    bytes: int


@lru_cache(maxsize=10_000)  # organisations with a cache, about 3 MB
def cache_keys(organisation_id: int) -> tuple[str, str, str]:
    """Return the Redis keys of an organisation's answers, in the script's order."""
    own = f"gw:{{{organisation_id}}}:cache"
    return (prefixed(own), prefixed(f"{own}:ends"), prefixed(f"{own}:sizes"))


def size_of(organisation_id: int) -> CacheSize:
    """Return how large a cache is. Raises ``Unavailable``."""
    _answers, ends, sizes = cache_keys(organisation_id)
    try:
        now = client().time()[0]
        count = client().zcount(ends, f"({now}", "+inf")
        total = client().hget(sizes, "total")
    except RedisError as error:
        raise Unavailable from error
    return CacheSize(int(count), int(total or 0))


def remove_all(organisation_id: int) -> int:
    """Forget every answer; return how many there were. Raises ``Unavailable``."""
    keys = cache_keys(organisation_id)
    try:
        with client().pipeline(transaction=True) as both:
            both.hlen(keys[0])
            both.delete(*keys)
            count, _removed = both.execute()
    except RedisError as error:
        raise Unavailable from error
    return int(count)
