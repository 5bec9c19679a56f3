"""Every fact is also an event of the activity log."""

import re
from dataclasses import asdict

from activity.services import NewEvent, write_events
from outbox import subscribe_all
from outbox.registry import ReceivedFact


@subscribe_all
def record_fact(received: ReceivedFact) -> None:
    """Append the fact to the log, as done by its actor when it happened."""
    write_events([event_of(received)])


def event_of(received: ReceivedFact) -> NewEvent:
    """Return the line of the log a fact becomes."""
    fact = received.fact
    values = asdict(fact)
    actor = getattr(fact, "actor", "")
    return NewEvent(
        name=event_name(received.name),
        occurred_at=received.occurred_at,
        visitor_id=values.get("visitor_id", ""),
        user_id=values.get(actor) if actor else None,
        organisation_id=values.get("organisation_id"),
        subject=_subject(values),
        source="fact",
        properties={"event": received.event_id, **values},
    )


def event_name(fact_name: str) -> str:
    """Return ``AnswerAccepted`` as ``answer_accepted``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", fact_name).lower()


def _subject(values: dict[str, object]) -> str:
    for kind in ("topic", "contribution", "invoice", "subscription", "key"):
        if values.get(f"{kind}_id"):
            return f"{kind}:{values[f'{kind}_id']}"
    return ""
