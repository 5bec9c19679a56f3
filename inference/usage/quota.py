"""Where Redis keeps what an organisation has spent of a month, and when it is wrong.

The durable sums are ``OrganisationMonth`` and ``UsageHour``; Redis has a copy of them
beside what is reserved.
"""

from redis.exceptions import RedisError

from stores.redis import client, prefixed

# Has the sums read from PostgreSQL again: at once, and once more when nothing runs, for
# what is being committed meanwhile. Keys: money. Arguments: the fields to forget.
DOUBT = """
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('HSET', KEYS[1], 'doubt', 1)
  redis.call('HDEL', KEYS[1], 'spent', unpack(ARGV))
end
return 1
"""


def money_key(organisation_id: int, month: str) -> str:
    """Return the Redis key of a month, which is given as ``202605``."""
    return prefixed(f"gw:{{{organisation_id}}}:money:{month}")


def spent_field(key_id: int | None) -> str:
    """Return the field that holds what one API key has spent."""
    return f"k:{key_id}"


def project_field(project_id: int | None) -> str:
    """Return the same for a project; nothing for a key without one."""
    return f"p:{project_id}" if project_id else ""


def member_field(member_id: int | None) -> str:
    """Return the same for whose keys they are; nothing for a service account."""
    return f"m:{member_id}" if member_id else ""


def doubt(
    organisation_id: int,
    month: str,
    key_id: int | None,
    project_id: int | None,
    member_id: int | None = None,
) -> None:
    """Have what was spent counted anew: PostgreSQL knows of something more."""
    name = money_key(organisation_id, month)
    fields = spent_field(key_id), project_field(project_id), member_field(member_id)
    try:
        client().eval(DOUBT, 1, name, *fields)
    except RedisError:
        # A Redis that comes back without its data reads them anyway; one that comes
        # back with them is right again when the month ends or something is spent.
        return
