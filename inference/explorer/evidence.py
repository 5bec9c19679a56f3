"""What may be shown of a call in public: how it went, and nothing of whose it was."""

import re
from collections.abc import Iterator

from django.utils.translation import gettext as _

from inference.routing.redaction import redact
from inference.usage.models import UsageEvent

# Ours have a shape of their own; a mail address is a person's.
_OWN = (
    # Letters are ASCII's: in Chinese no space stands before them.
    re.compile(r"\bds_(?:live|test)_\w+", re.ASCII),
    re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"),
)


def cleaned(text: str) -> str:
    """Return a message without keys, addresses and people, at most 500 characters."""
    for pattern in _OWN:
        text = pattern.sub("…", text)
    return redact(text)


def evidence_of(event: UsageEvent, message: str) -> str:
    """Return a call as the first post of a topic shows it, in Markdown."""
    lines = [f"- {label}: {value}" for label, value in facts_of(event)]
    if said := cleaned(message):
        lines += ["", _("What was answered:"), "", f"> {said}"]
    return "\n".join(lines)


def facts_of(event: UsageEvent) -> Iterator[tuple[str, str]]:
    """Yield what is told: no key, no organisation, no content."""
    yield _("Model"), f"`{event.model}`"
    yield _("Time"), f"{event.occurred_at:%Y-%m-%d %H:%M:%S} UTC"
    yield _("Status"), str(event.get_status_display())
    if event.error_code:
        yield _("Error"), f"`{event.error_code}`"
    yield _("Streamed"), _("yes") if event.is_stream else _("no")
    yield _("Tokens in, out"), f"{event.tokens_in}, {event.tokens_out}"
    if event.first_byte_ms is not None:
        yield _("First token"), f"{event.first_byte_ms} ms"
    yield _("Time taken"), f"{event.total_ms} ms"
    yield _("Request id"), f"`{event.request_id}`"
