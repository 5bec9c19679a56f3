"""How deployments are, and whose requests fail where others' do not."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone

from accounts.models import Organisation
from core.errors import Unavailable
from inference.catalog.alarms import refusals
from inference.catalog.models import Deployment, DeploymentPause, Model
from inference.routing.notes import CircuitNote, read_notes
from inference.usage.models import UsageEvent

# What fails for a caller today is what they are told about today.
LOOK_BACK = timedelta(days=1)
# Of fewer failures half is chance: a server was restarted, a network broke.
FEWEST_FAILURES = 5
# Half of one's own, a tenth of everybody else's: between them nobody can tell.
OWN_SHARE, OTHERS_SHARE = 0.5, 0.1
# More than a person looks through.
MOST_POISONS = 50
FAILED = (
    UsageEvent.Status.UPSTREAM_ERROR,
    UsageEvent.Status.TIMED_OUT,
    UsageEvent.Status.FAILED_MID_STREAM,
)


@dataclass(frozen=True, slots=True)
class PlaceHealth:
    """A deployment, and what is known of it. ``refused`` is the status of a refusal."""

    place: Deployment
    note: CircuitNote | None
    refused: int | None
    callers: tuple[str, ...]

    @property
    def pause(self) -> DeploymentPause | None:
        return getattr(self.place, "pause", None)

    @property
    def state(self) -> str:
        """Return one word: paused, limited, open, probing, refused or closed."""
        if self.pause is not None:
            return "paused"
        if self.note is not None:
            if self.note.is_probing:
                return "probing"
            return "limited" if self.note.why == "limited" else "open"
        return "refused" if self.refused else "closed"

    @property
    def since(self) -> datetime | None:
        if self.pause is not None:
            return self.pause.paused_at
        if self.note is not None:
            return datetime.fromtimestamp(self.note.opened_at, UTC)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Poison:
    """Requests of one key that fail at a model which answers others.

    ``others`` are everybody else's calls of it meanwhile; of none, nobody can tell
    whose fault it is.
    """

    organisation: str
    organisation_slug: str
    key: str
    key_id: str
    model: str
    calls: int
    failures: int
    others: int
    others_failures: int
    upstream_status: int | None
    last_at: datetime

    @property
    def percent(self) -> float:
        return 100 * self.failures / self.calls

    @property
    def others_percent(self) -> float | None:
        return 100 * self.others_failures / self.others if self.others else None


def places() -> QuerySet[Deployment]:
    """Return the deployments of models on offer, with what their line shows."""
    return Deployment.objects.filter(
        model__status=Model.Status.ACTIVE, is_enabled=True
    ).select_related("model", "pause", "pause__paused_by")


def health_of(rows: Iterable[Deployment]) -> tuple[list[PlaceHealth], bool]:
    """Return how some deployments are, and whether the gateways' notes were there."""
    rows = list(rows)
    ids = [row.pk for row in rows]
    try:
        notes, is_known = read_notes(ids), True
    except Unavailable:
        notes, is_known = {}, False
    refused = refusals(ids)
    names = _names(pk for note in notes.values() for pk in note.callers)
    lines = [
        PlaceHealth(
            row,
            notes.get(row.pk),
            refused.get(row.pk),
            tuple(names[pk] for pk in _callers(notes.get(row.pk)) if pk in names),
        )
        for row in rows
    ]
    return lines, is_known


def troubled() -> list[Deployment]:
    """Return the deployments that are let alone or refuse us, by model."""
    ids = list(places().values_list("pk", flat=True))
    try:
        open_ids = set(read_notes(ids))
    except Unavailable:
        open_ids = set()
    open_ids |= set(refusals(ids))
    found = places().filter(Q(pk__in=open_ids) | Q(pause__isnull=False))
    return list(found.order_by("model__slug", "priority", "pk"))


def poisons(*, since: datetime | None = None) -> list[Poison]:
    """Return whose requests fail where others' do not, the most first. Two queries."""
    since = since or timezone.now() - LOOK_BACK
    is_failure = Q(status__in=FAILED)
    # What a cache answered says nothing of a server.
    events = UsageEvent.objects.filter(occurred_at__gte=since, saved_nano=None)
    own = (
        events.values(
            *("organisation_id", "organisation__name", "organisation__slug"),
            *("key__name", "key__public_id", "model"),
        )
        .annotate(
            calls=Count("pk"),
            failures=Count("pk", filter=is_failure),
            upstream_status=Max("upstream_status", filter=is_failure),
            last_at=Max("occurred_at", filter=is_failure),
        )
        .filter(failures__gte=FEWEST_FAILURES)
        .order_by("-failures", "model", "key__public_id")
    )
    suspects = [row for row in own if row["failures"] >= OWN_SHARE * row["calls"]]
    everybody = _everybody(events, {row["model"] for row in suspects}, is_failure)
    found = [_poison(row, *everybody[row["model"]]) for row in suspects]
    return [
        each for each in found if each.others_failures <= OTHERS_SHARE * each.others
    ][:MOST_POISONS]


def _everybody(
    events: QuerySet[UsageEvent], models: set[str], is_failure: Q
) -> dict[str, tuple[int, int]]:
    rows = (
        events.filter(model__in=models)
        .values("model")
        .annotate(calls=Count("pk"), failures=Count("pk", filter=is_failure))
    )
    return {row["model"]: (row["calls"], row["failures"]) for row in rows}


def _poison(row: dict[str, Any], calls: int, failures: int) -> Poison:
    return Poison(
        organisation=row["organisation__name"],
        organisation_slug=row["organisation__slug"],
        key=row["key__name"] or "",
        key_id=row["key__public_id"] or "",
        model=row["model"],
        calls=row["calls"],
        failures=row["failures"],
        others=calls - row["calls"],
        others_failures=failures - row["failures"],
        upstream_status=row["upstream_status"],
        last_at=row["last_at"],
    )


def _callers(note: CircuitNote | None) -> tuple[int, ...]:
    return note.callers if note is not None else ()


def _names(ids: Iterable[int]) -> dict[int, str]:
    wanted = set(ids)
    if not wanted:
        return {}
    return dict(Organisation.objects.filter(pk__in=wanted).values_list("pk", "name"))
