"""What a command says, in place of a traceback, when a server is away."""

import psycopg
from django.conf import settings
from django.db import OperationalError
from kombu.exceptions import OperationalError as BrokerGone
from redis.exceptions import ConnectionError as RedisGone
from redis.exceptions import TimeoutError as RedisSilent

_REDIS = (BrokerGone, RedisGone, RedisSilent)


def sentence_for(error: BaseException) -> str | None:
    """Return what to say about a server that could not be reached, or nothing.

    An error of a server that answered (a deadlock, a statement that took too
    long) is none of these: it has an SQLSTATE.
    """
    cause = error.__cause__
    if isinstance(error, OperationalError) and (
        isinstance(cause, psycopg.OperationalError) and cause.sqlstate is None
    ):
        return f"PostgreSQL does not answer ({_short(error)}). {_cure('DATABASE_URL')}"
    if isinstance(error, _REDIS):
        return f"Redis does not answer ({_short(error)}). {_cure('REDIS_URL')}"
    return None


def _cure(variable: str) -> str:
    command = getattr(settings, "START_COMMAND", "")
    if not command:
        return f"See that it runs and that {variable} is right."
    if getattr(settings, "RUNNING_PRODUCT", {}):
        return (
            "The product that runs here starts its servers again within ten seconds; "
            "try once more, and read what it prints."
        )
    return f"Start everything with `{command}` and leave it running, or set {variable}."


def _short(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].rstrip(".")
