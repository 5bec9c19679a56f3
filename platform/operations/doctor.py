"""The doctor: looks at everything, in order, also when parts are down."""

from collections.abc import Callable, Iterator

from django.db import DatabaseError
from redis.exceptions import RedisError

from operations import outside, servers, sums
from operations.findings import Finding, Said, Status, first_line

LOOKS: tuple[Callable[[], Said], ...] = (
    servers.look_at_settings,
    servers.look_at_postgres,
    servers.look_at_migrations,
    servers.look_at_redis,
    servers.look_at_workers,
    servers.look_at_queues,
    servers.look_at_mail,
    outside.look_at_stripe,
    outside.look_at_upstreams,
    sums.look_at_metering,
    sums.look_at_figures,
    sums.look_at_charges,
    servers.look_at_disk,
)


def examine() -> Iterator[Finding]:
    """Look at everything, also when parts are down; yield what was found, in order."""
    for look in LOOKS:
        subject = look.__name__.removeprefix("look_at_")
        try:
            for status, sentence in look():
                yield Finding(subject, status, sentence)
        except DatabaseError:
            yield Finding(
                subject,
                Status.FAILURE,
                "This could not be looked at without PostgreSQL; "
                "make it reachable first.",
            )
        except (RedisError, OSError) as error:
            yield Finding(
                subject,
                Status.FAILURE,
                f"This could not be looked at: {first_line(error)}. "
                "Make Redis reachable first.",
            )
