"""The errors that callers were really given, for the knowledge graph."""

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Count
from django.utils.translation import gettext_lazy as _

from activity.models import Event
from core.clock import now
from inference.usage.models import UsageEvent
from knowledge.registry import Known, Need, NodeSource, register, register_need

# What was met longer ago has been explained or mended since.
SINCE = timedelta(days=30)
# Which feature of a plan an error is about.
ABOUT = {
    "model_requires_plan": "premium_models",
    "insufficient_quota": "monthly_allowance_nano",
    "rate_limit_exceeded": "requests_per_minute",
}


def register_nodes() -> None:
    """Bring errors into the graph, and the two refusals that a plan would answer."""
    register(NodeSource(kind="error", label=_("Error codes"), read=_errors))
    for code, label in (
        ("model_requires_plan", _("A premium model was refused")),
        ("insufficient_quota", _("The plan's usage was used up")),
    ):
        register_need(Need(key=code, label=label, event="call_refused", code=code))


def _errors() -> Iterator[Known]:
    """Yield each code that callers met; one that nobody meets needs no page."""
    since = now() - SINCE
    met: dict[str, set[int | None]] = {}
    calls = UsageEvent.objects.filter(occurred_at__gte=since).exclude(error_code="")
    refused = Event.objects.filter(name="call_refused", occurred_at__gte=since)
    for pairs in (
        calls.values_list("error_code", "organisation_id"),
        refused.values_list("properties__code", "organisation_id"),
    ):
        for code, organisation_id, _times in pairs.annotate(times=Count("*")):
            met.setdefault(code, set()).add(organisation_id)
    for code, organisations in sorted(met.items()):
        about = ABOUT.get(code)
        yield Known(
            key=code,
            title_en=code,
            names=(code,),
            demand=len(organisations),
            related=(("feature", about),) if about else (),
        )
