"""Liveness and readiness, for supervisors and load balancers."""

import time
from collections.abc import Callable

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from redis.exceptions import RedisError

from stores.redis import client

_migrated = False


@require_safe
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer as long as the process lives; asks no other service."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """Say whether this process can serve: database, migrations, Redis.

    Redis being away is a degradation, not an outage: pages work without it.
    """
    found = checks()
    status = status_of(found)
    return JsonResponse(
        {"status": status, "checks": found},
        status=503 if status == "unavailable" else 200,
    )


def checks() -> dict[str, dict[str, object]]:
    """Return for each part whether it answers, as ``ok``, and in how many ``ms``."""
    return {
        "database": _time(_check_database),
        "migrations": _time(_check_migrations),
        "redis": _time(_check_redis),
    }


def status_of(found: dict[str, dict[str, object]]) -> str:
    """Return ``ok``, ``degraded`` or ``unavailable``."""
    if not (found["database"]["ok"] and found["migrations"]["ok"]):
        return "unavailable"
    return "ok" if found["redis"]["ok"] else "degraded"


def _time(check: Callable[[], bool]) -> dict[str, object]:
    started = time.perf_counter()
    try:
        ok = check()
    except (DatabaseError, RedisError, OSError):
        ok = False
    return {"ok": ok, "ms": round((time.perf_counter() - started) * 1000, 1)}


def _check_database() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return True


def _check_migrations() -> bool:
    global _migrated
    if not _migrated:
        executor = MigrationExecutor(connection)
        _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return _migrated


def _check_redis() -> bool:
    return bool(client().ping())
