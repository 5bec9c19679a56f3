"""What the product stands on: settings, databases, workers, queues, mail, the disk."""

import os
import shutil
import smtplib
import tempfile
import time
from pathlib import Path

import redis
from celery import current_app
from django.conf import settings
from django.core import checks
from django.core.mail import get_connection
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from kombu.exceptions import OperationalError as BrokerGone
from redis.exceptions import ConnectionError as RedisGone

from jobs.queries import Backlog, backlogs
from operations.findings import (
    PATIENCE,
    Said,
    Status,
    cure_of,
    failure,
    first_line,
    ok,
    warning,
)
from stores.redis import client, prefixed

PULSE = "operations:pulse"
# The oldest that is tested; decision 8 says which features are used.
MIN_POSTGRES = 15
# As above.
MIN_REDIS = (6, 2)
# In seconds. Clocks that are set by NTP differ by milliseconds.
MAX_SKEW = 2.0
# At ten tasks a second, which is slow, the last waits for two minutes.
MAX_QUEUE = 1000
# What PostgreSQL's journal takes by itself (max_wal_size).
MIN_FREE_BYTES = 1_000_000_000
# Where a disk is large, so is what fills it.
MIN_FREE_SHARE = 0.05
# Beat asks for a pulse twice a minute.
MAX_PULSE_AGE = 90


def look_at_settings() -> Said:
    """Django's own checks; the deployment ones where the site is a real one."""
    found = checks.run_checks(include_deployment_checks=settings.IS_HTTPS)
    for message in found:
        if message.is_silenced():
            continue
        hint = f" {message.hint}" if message.hint else ""
        is_error = message.level >= checks.ERROR
        yield (
            Status.FAILURE if is_error else Status.WARNING,
            f"{message.id}: {message.msg}{hint}",
        )
    if not settings.IS_HTTPS:
        yield warning(
            f"SITE_URL is {settings.SITE_URL}: set it to the https:// address people "
            "use, or cookies and links are not protected."
        )
    if not found:
        yield ok("Every setting fits.")


def look_at_postgres() -> Said:
    """Reachability, version and clock."""
    try:
        started = time.time()
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT current_setting('server_version_num')::int, "
                "extract(epoch FROM clock_timestamp())"
            )
            version, moment = cursor.fetchone()
        ended = time.time()
    except DatabaseError as error:
        yield failure(
            f"PostgreSQL does not answer ({first_line(error)}): "
            + cure_of(
                "check DATABASE_URL and that the server runs and lets this machine in.",
                log="postgres.log",
            )
        )
        return
    major = version // 10_000
    if major < MIN_POSTGRES:
        yield failure(
            f"PostgreSQL {major} is too old: upgrade to {MIN_POSTGRES} or newer."
        )
    else:
        took = (ended - started) * 1000
        yield ok(f"PostgreSQL {major} answers in {took:.0f} ms.")
    yield _skew("PostgreSQL", float(moment), started, ended)


def look_at_migrations() -> Said:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        names = ", ".join(f"{m.app_label}.{m.name}" for m, _back in plan[:3])
        more = f" and {len(plan) - 3} more" if len(plan) > 3 else ""
        yield failure(
            f"{len(plan)} migrations are not applied ({names}{more}): "
            "run manage.py migrate."
        )
    else:
        yield ok("Every migration is applied.")


def look_at_redis() -> Said:
    """Reachability, version, clock, and that the broker never drops a task."""
    broker = settings.REDIS_BROKER_URL
    # One server may be both; then it is looked at once, as the broker.
    places = {settings.REDIS_CACHE_URL: "REDIS_CACHE_URL", broker: "REDIS_BROKER_URL"}
    for url, name in places.items():
        if not url.startswith(("redis", "unix")):
            yield ok(f"{name} is not a Redis; it was not looked at.")
            continue
        server = redis.Redis.from_url(
            url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE
        )
        try:
            started = time.time()
            seconds, micros = server.time()
            ended = time.time()
            version = str(server.info("server")["redis_version"])
            policy = str(server.info("memory").get("maxmemory_policy", ""))
        except RedisGone as error:
            yield failure(
                f"Redis does not answer at {name} ({first_line(error)}): "
                + cure_of(
                    "check the address and that the server runs.",
                    log="redis/server.log",
                )
            )
            continue
        finally:
            server.close()
        if tuple(int(part) for part in version.split(".")[:2]) < MIN_REDIS:
            yield failure(
                f"Redis {version} at {name} is too old: upgrade to 6.2 or newer."
            )
        else:
            yield ok(f"Redis {version} answers at {name}.")
        if url == broker and policy != "noeviction":
            yield failure(
                f"The broker's maxmemory-policy is {policy or 'unknown'}, so tasks can "
                "vanish: set maxmemory-policy noeviction."
            )
        yield _skew(f"Redis at {name}", seconds + micros / 1_000_000, started, ended)


def look_at_workers() -> Said:
    """A worker that answers, and beat by the pulse it asks for."""
    try:
        answers = current_app.control.ping(timeout=1.0)
    except BrokerGone as error:
        yield failure(
            f"The broker does not answer ({first_line(error)}): "
            + cure_of("check REDIS_BROKER_URL.", log="redis/server.log")
        )
        return
    if answers:
        names = ", ".join(sorted(name for answer in answers for name in answer))
        yield ok(f"{len(answers)} workers answer: {names}.")
    else:
        yield failure(
            "No worker answers: "
            + cure_of(
                "start celery -A config.celery worker "
                "--queues default,mail,billing,usage."
            )
        )
    pulse = client().get(prefixed(PULSE))
    age = time.time() - float(pulse) if pulse else None
    if age is None or age > MAX_PULSE_AGE:
        since = (
            "no pulse at all" if age is None else f"the last pulse is {age:.0f} s old"
        )
        yield failure(
            f"Beat does not seem to run ({since}): "
            + cure_of(
                "start celery -A config.celery beat, and a worker to do what it "
                "asks for."
            )
        )
    else:
        yield ok(f"Beat's last pulse is {age:.0f} s old.")


def look_at_queues() -> Said:
    """How much waits, in the broker and in the queue of jobs."""
    broker = redis.Redis.from_url(
        settings.REDIS_BROKER_URL,
        socket_timeout=PATIENCE,
        socket_connect_timeout=PATIENCE,
    )
    prefix = settings.CELERY_BROKER_TRANSPORT_OPTIONS["global_keyprefix"]
    with broker:
        lengths = {
            name: int(broker.llen(f"{prefix}{name}"))
            for name in ("default", "mail", "billing", "usage")
        }
    listed = ", ".join(f"{name} {length}" for name, length in lengths.items())
    if max(lengths.values()) > MAX_QUEUE:
        yield warning(
            f"Tasks are piling up ({listed}): start more workers for the long queue."
        )
    else:
        yield ok(f"Waiting tasks: {listed}.")
    for backlog in backlogs():
        yield from _said_of(backlog)


def look_at_mail() -> Said:
    if "smtp" not in settings.MAIL_TRANSPORT:
        yield ok(f"Mail goes to {settings.MAIL_TRANSPORT.rsplit('.', 2)[1]}.")
        return
    place = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    mailer = get_connection(settings.MAIL_TRANSPORT, timeout=PATIENCE)
    try:
        mailer.open()
        mailer.close()
    except smtplib.SMTPAuthenticationError:
        yield failure(
            f"The mail server at {place} refuses the password: correct EMAIL_URL."
        )
    except (smtplib.SMTPException, OSError) as error:
        yield failure(
            f"The mail server at {place} does not answer ({first_line(error)}): "
            + cure_of("correct EMAIL_URL, or nobody can confirm an address.")
        )
    else:
        yield ok(f"The mail server at {place} answers.")


def look_at_disk() -> Said:
    """Room for, and the right to write, what the product keeps in files."""
    folder = Path(settings.VAR_DIR)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        yield failure(
            f"{folder} cannot be written ({error.strerror}): give it to the user the "
            "product runs as, or set VAR_DIR."
        )
        return
    if os.name == "posix" and folder.stat().st_mode & 0o002:
        yield warning(
            f"Everybody on this machine can write to {folder}: run chmod o-w {folder}."
        )
    usage = shutil.disk_usage(folder)
    free = f"{usage.free / 1_000_000_000:.1f} GB"
    if usage.free < max(MIN_FREE_BYTES, int(usage.total * MIN_FREE_SHARE)):
        yield warning(f"Only {free} are free under {folder}: make room.")
    else:
        yield ok(f"{folder} can be written and has {free} free.")


def _said_of(backlog: Backlog) -> Said:
    """One line for each kind of job, and one more where a person has to decide."""
    kind, waiting = backlog.kind.name, backlog.waiting
    if backlog.is_late:
        yield failure(
            f"Jobs {kind}: the oldest has been due for "
            f"{backlog.overdue.total_seconds():.0f} s ({waiting} wait): see that beat "
            f"and a worker for the queue {backlog.kind.queue} run."
        )
    else:
        yield ok(f"Jobs {kind}: in time, {waiting} wait.")
    if backlog.dead:
        yield warning(
            f"Jobs {kind}: {backlog.dead} given up; read their errors at "
            f"/staff/operations/?kind={kind} and try again or ignore them."
        )


def _skew(
    whose: str, moment: float, started: float, ended: float
) -> tuple[Status, str]:
    # Their clock was read somewhere between our two readings.
    skew = max(started - moment, moment - ended, 0.0)
    if skew > MAX_SKEW:
        return failure(
            f"The clock of {whose} is {skew:.1f} s off ours: run an NTP client on "
            "both machines, or limits and webhooks go wrong."
        )
    return ok(f"The clock of {whose} agrees with ours.")
