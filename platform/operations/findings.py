"""What the doctor looks at. Each look is short, and says what to do about it."""

import os
import shutil
import smtplib
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

import redis
from celery import current_app
from cryptography.fernet import InvalidToken
from django.conf import settings
from django.core import checks
from django.core.mail import get_connection
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count, Min
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerGone
from redis.exceptions import ConnectionError as RedisGone
from redis.exceptions import RedisError

from billing.conversion.models import BridgeCheck
from billing.overage.models import CloseCheck
from billing.stripe import products
from billing.stripe.exceptions import StripeError
from inference.catalog.alarms import refusals
from inference.catalog.models import SERVED_HERE, Deployment, Model
from inference.providers.keyring import keys_of
from inference.usage.models import UpstreamSum, UsageEvent
from jobs.queries import Backlog, backlogs
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
# In seconds. What answers later is as good as away for those who wait for a page.
PATIENCE = 3
# Who has more models in trouble than fit on a page has one cause for them.
SHOWN = 10


class Status(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at, and one sentence about it."""

    subject: str
    status: Status
    sentence: str


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
                f"This could not be looked at: {_first_line(error)}. "
                "Make Redis reachable first.",
            )


Said = Iterator[tuple[Status, str]]


def ok(sentence: str) -> tuple[Status, str]:
    return Status.OK, sentence


def warning(sentence: str) -> tuple[Status, str]:
    return Status.WARNING, sentence


def failure(sentence: str) -> tuple[Status, str]:
    return Status.FAILURE, sentence


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
            f"PostgreSQL does not answer ({_first_line(error)}): "
            + _cure(
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
                f"Redis does not answer at {name} ({_first_line(error)}): "
                + _cure(
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
            f"The broker does not answer ({_first_line(error)}): "
            + _cure("check REDIS_BROKER_URL.", log="redis/server.log")
        )
        return
    if answers:
        names = ", ".join(sorted(name for answer in answers for name in answer))
        yield ok(f"{len(answers)} workers answer: {names}.")
    else:
        yield failure(
            "No worker answers: "
            + _cure(
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
            + _cure(
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
            f"The mail server at {place} does not answer ({_first_line(error)}): "
            + _cure("correct EMAIL_URL, or nobody can confirm an address.")
        )
    else:
        yield ok(f"The mail server at {place} answers.")


def look_at_stripe() -> Said:
    if not settings.STRIPE_SECRET_KEY:
        yield failure(
            "STRIPE_SECRET_KEY is not set, so nobody can subscribe: copy it from "
            "Stripe's dashboard."
        )
        return
    if not settings.STRIPE_WEBHOOK_SECRETS:
        yield failure(
            "STRIPE_WEBHOOK_SECRETS is not set, so every webhook is refused: copy the "
            f"signing secret of the endpoint {settings.SITE_URL}/hooks/stripe/."
        )
    try:
        # The cheapest question there is; no price has this name.
        products.find_price("doorstone-doctor")
    except StripeError as error:
        reason = _first_line(error.details.get("reason", error))
        yield failure(
            f"Stripe does not accept our calls ({reason}): check "
            "STRIPE_SECRET_KEY, STRIPE_API_BASE and the way out of this machine."
        )
    else:
        where = settings.STRIPE_API_BASE or "api.stripe.com"
        yield ok(f"Stripe answers at {where}.")


def look_at_upstreams() -> Said:
    """Every server that is to run models. Any HTTP answer counts as reachable.

    What the gateway was refused with since yesterday is remembered for staff.
    """
    listed = Deployment.objects.filter(model__status=Model.Status.ACTIVE)
    deployments = listed.filter(is_enabled=True).select_related("model")
    remote = [each for each in deployments if each.base_url]
    refused = refusals(each.pk for each in remote)
    for each in remote:
        if each.pk in refused:
            yield failure(
                f"{each.base_url} (for {each.model.slug}) refused us with "
                f"{refused[each.pk]}: check its credential, address, account and "
                "upstream_model, then publish the model again."
            )
            continue
        try:
            request = _models_of(each)
        except InvalidToken:
            yield failure(
                f"The key of {each.base_url} (for {each.model.slug}) cannot be read "
                "with FIELD_KEYS: put the old key back, or publish the model again."
            )
            continue
        try:
            _KEPT_HERE.open(request, timeout=PATIENCE).close()
        except urllib.error.HTTPError as error:
            if error.code in {401, 403}:
                yield failure(
                    f"{each.base_url} (for {each.model.slug}) refuses our key with "
                    f"{error.code}: publish the model again with the right one."
                )
                continue
            if error.code >= 500:
                yield warning(
                    f"{each.base_url} (for {each.model.slug}) answers {error.code}: "
                    "look into that server's log."
                )
                continue
        except (OSError, ValueError) as error:
            yield failure(
                f"{each.base_url} (for {each.model.slug}) does not answer "
                f"({_first_line(error)}): start it, or disable the deployment."
            )
            continue
        yield ok(f"{each.base_url} answers for {each.model.slug}.")
    resting = listed.filter(is_enabled=False, options__contains=SERVED_HERE)
    for each in resting.select_related("model"):
        yield warning(
            f"{each.model.slug} is not served now, so it is not on the list: "
            "`make run` serves it, unless MODELS=0 or its first lines say why not."
        )
    if not deployments:
        yield warning("No model has a deployment: run manage.py catalog ensure.")
    elif not remote:
        yield ok("Every model runs in this product; no server to reach.")


def look_at_metering() -> Said:
    """What upstreams told of usage since yesterday that could not be believed."""
    since = timezone.now() - timedelta(days=1)
    calls = UsageEvent.objects.filter(occurred_at__gte=since).exclude(doubt="")
    # A gateway that was killed, or a caller who left, is no fault of a server's.
    guesses = calls.filter(status=UsageEvent.Status.OK)
    names = {each.pk: str(each) for each in Deployment.objects.select_related("model")}
    is_quiet = True
    for row in (
        guesses.values("deployment_id", "model")
        .annotate(count=Count("pk"), doubt=Min("doubt"))
        .order_by("-count")[:SHOWN]
    ):
        is_quiet = False
        yield (
            Status.WARNING,
            (
                f"{row['model']} ({names.get(row['deployment_id'] or 0, 'no deployment')}): "
                f"calls since yesterday whose usage is an estimate: {row['count']}, one "
                f"because of {row['doubt']}. See what its server tells, and correct "
                "calls with manage.py usage correct."
            ),
        )
    for each in UpstreamSum.objects.filter(read_at__gte=since, is_off=True):
        is_quiet = False
        yield (
            Status.FAILURE,
            (
                f"{names.get(each.deployment_id, each.deployment_id)} counted "
                f"{each.tokens_in} tokens read and {each.tokens_out} written, we billed "
                f"{each.own_in} and {each.own_out}: does anybody else use it, and are its "
                "answers whole?"
            ),
        )
    if is_quiet:
        yield Status.OK, "Every server told its usage readably since yesterday."


def look_at_figures() -> Said:
    """Whether the figures added up to the ledger when they were last compared."""
    checked = BridgeCheck.objects.order_by("-at").first()
    if checked is None:
        yield ok("The figures have not been compared with the ledger yet.")
    elif checked.is_whole:
        yield ok(f"Figures and ledger agreed on {checked.at:%Y-%m-%d %H:%M} UTC.")
    else:
        yield failure(
            f"On {checked.at:%Y-%m-%d %H:%M} UTC {checked.revenue} minor units and "
            f"{checked.cost_nano} nano-dollars of the ledger were in no figure: run "
            "manage.py conversion rebuild, which says whose."
        )


def look_at_charges() -> Said:
    """Whether what was charged for usage was the ledger's, and at Stripe."""
    checked = CloseCheck.objects.order_by("-at").first()
    if checked is None:
        yield ok("What is charged for usage has not been compared with Stripe yet.")
    elif checked.is_whole:
        yield ok(
            f"Ledger and Stripe agreed on {checked.lines} lines of usage on "
            f"{checked.at:%Y-%m-%d %H:%M} UTC."
        )
    else:
        yield failure(
            f"On {checked.at:%Y-%m-%d %H:%M} UTC {checked.differences} lines of usage "
            "differed between the ledger and Stripe: run manage.py overage check, "
            "which says which."
        )


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A server's key is for that server, not for where it would send us."""

    def redirect_request(self, *_answer: object) -> None:
        return None


_KEPT_HERE = urllib.request.build_opener(_NoRedirect)


def _models_of(place: Deployment) -> urllib.request.Request:
    """Return the request for what a server lists, with its own key."""
    headers = {}
    if place.credential:
        headers["authorization"] = f"Bearer {next(iter(keys_of(place.credential)), '')}"
    address = f"{place.base_url.rstrip('/')}/models"
    return urllib.request.Request(address, headers=headers)  # noqa: S310 - staff's


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


LOOKS: tuple[Callable[[], Said], ...] = (
    look_at_settings,
    look_at_postgres,
    look_at_migrations,
    look_at_redis,
    look_at_workers,
    look_at_queues,
    look_at_mail,
    look_at_stripe,
    look_at_upstreams,
    look_at_metering,
    look_at_figures,
    look_at_charges,
    look_at_disk,
)


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


def _cure(otherwise: str, *, log: str = "") -> str:
    """Return what to do about a server: on a bare machine they are ours to start."""
    command = getattr(settings, "START_COMMAND", "")
    if not command:
        return otherwise
    if not getattr(settings, "RUNNING_PRODUCT", {}):
        return f"start everything with {command}, or {otherwise}"
    place = f"; if not, {Path(settings.VAR_DIR) / log} says why" if log else ""
    return (
        f"{command} starts what is its own again within ten seconds{place}. "
        f"A server of your own: {otherwise}"
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


def _first_line(error: object) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
