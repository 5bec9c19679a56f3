"""What was reported of messages before there was one queue is in it afterwards."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any, Self

import pytest
from django.apps import apps as installed
from django.utils import timezone

from community.conversations.models import PrivateMessage
from community.conversations.services import create_conversation
from community.moderation.models import Case
from community.moderation.services import reopen_case

pytestmark = pytest.mark.django_db


@dataclass
class Report:
    """A row of the table that is gone."""

    message: PrivateMessage
    reporter_id: int
    reason: str
    text: str
    created_at: datetime
    outcome: str = ""
    decided_at: datetime | None = None
    decided_by_id: int | None = None

    @property
    def message_id(self) -> int:
        return self.message.pk


@dataclass
class Before:
    """The models as they were: the table of reports, and all that are still there."""

    rows: list[Report] = field(default_factory=list)

    def get_model(self, app: str, name: str) -> Any:
        return self if name == "MessageReport" else installed.get_model(app, name)

    @property
    def objects(self) -> Self:
        return self

    def select_related(self, *_names: str) -> Self:
        return self

    def order_by(self, *_names: str) -> Self:
        return self

    def iterator(self, chunk_size: int) -> Iterator[Report]:
        return iter(self.rows)


def test_reports_become_cases_open_and_decided(person: Callable[..., Any]) -> None:
    ada, ben, cem = person("ada"), person("ben"), person("cem")
    mod = person("mod", is_moderator=True)
    talk = create_conversation(
        [ben, cem], by=ada, title="Keys", text="Buy this", limited=False
    )
    message = talk.messages.get()
    PrivateMessage.objects.update(
        source_md="", html="", plain="", removed_at=timezone.now()
    )
    now = timezone.now()
    old = now - timedelta(days=9)
    decided = {"outcome": "upheld", "decided_at": old, "decided_by_id": mod.pk}
    rows = [
        Report(message, ben.pk, "Advertising", "Buy this", old, **decided),
        Report(message, cem.pk, "Spam", "Buy this", old, **decided),
        Report(message, ben.pk, "Again", "Buy this", now),
    ]
    moved = import_module("community.conversations.migrations.0002_reports_are_cases")

    moved.reports_to_cases(Before(rows), None)

    done, waiting = Case.objects.order_by("pk")
    assert (done.outcome, done.did_change, done.decided_by) == ("agreed", True, mod)
    assert (done.opened_at, done.subject, done.text) == (old, ada, "Buy this")
    assert sorted(done.flags.values_list("person", "note")) == [
        (ben.pk, "Advertising"),
        (cem.pk, "Spam"),
    ]
    assert (waiting.outcome, waiting.score, waiting.message) == ("", 1, message.pk)
    waiting.delete()
    # What was taken away then is put back as any other.
    reopen_case(done, by=mod)
    message.refresh_from_db()
    assert message.source_md == "Buy this"
