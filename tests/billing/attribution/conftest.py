"""A team whose people met things on known days before one of them paid."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import Organisation, User
from accounts.services import create_organisation
from activity.models import Visitor
from activity.services import NewEvent, link_visitor, write_events
from billing.attribution import services
from billing.conversion import services as conversion
from billing.conversion.models import GroupMember
from billing.ledger.models import Invoice, UsageCost
from billing.ledger.services import record_invoice
from tests.factories.billing import invoice_record

# Recent enough for what looks back a year; noon, so that tenths of days stay in theirs.
PAID = (datetime.now(UTC) - timedelta(days=40)).replace(
    hour=12, minute=0, second=0, microsecond=0
)
DAY = timedelta(days=1)


def see(subject: str, days: float, **fields: Any) -> None:
    """Note a view of a page so many days before the payment."""
    touch = fields.pop("touch", None)
    write_events(
        [
            NewEvent(
                name="page_viewed",
                occurred_at=PAID - days * DAY,
                subject=subject,
                properties={"touch": touch} if touch else {},
                **fields,
            )
        ]
    )


def told(name: str, days: float, **fields: Any) -> None:
    """Note a fact so many days before the payment."""
    write_events(
        [NewEvent(name=name, occurred_at=PAID - days * DAY, source="fact", **fields)]
    )


@dataclass
class Team:
    """An organisation, and what its people do."""

    organisation: Organisation
    founder: User
    deliver: Callable[[], int]
    people: list[User] = field(default_factory=list)

    def join(self, user: User, *, days: float = 60) -> None:
        conversion.record_part(
            self.organisation.pk,
            user_id=user.pk,
            role=GroupMember.Role.MEMBER,
            at=PAID - days * DAY,
        )

    def pay(self, amount: int = 10_000, *, days: float = 0, **fields: Any) -> Invoice:
        """Pay so many days after the first payment."""
        at = PAID + days * DAY
        record_invoice(
            invoice_record(amount, issued_at=at, paid_at=at, **fields),
            organisation_id=self.organisation.pk,
            user_id=None,
            fetched_at=at,
        )
        self.deliver()
        services.replace_due_ways()
        return Invoice.objects.latest("pk")


@pytest.fixture
def team_of(
    person: Callable[..., User], deliver_outbox: Callable[[], int]
) -> Callable[..., Team]:
    """Return a function that makes a team with its founder, long before it pays."""

    def make(name: str) -> Team:
        founder = person(name)
        organisation = create_organisation(f"Team of {name}", owner=founder)
        deliver_outbox()
        GroupMember.objects.update(since=PAID - 60 * DAY)
        return Team(organisation, founder, deliver_outbox)

    return make


@pytest.fixture
def team(team_of: Callable[..., Team]) -> Team:
    return team_of("ada")


def browser_of(user: User, *, days: float, source: str = "direct") -> str:
    """Return a browser of a person that first came so many days before the payment."""
    visitor = Visitor.objects.create(
        id=f"v_{Visitor.objects.count():032x}",
        first_seen_at=PAID - days * DAY,
        source=source,
    )
    link_visitor(visitor.pk, user)
    return visitor.pk


def used(organisation: Organisation, *, cost_nano: int) -> None:
    """Have an organisation's calls cost something on the day after the payment."""
    UsageCost.objects.create(
        organisation=organisation,
        model="small",
        edition="open",
        window=PAID + DAY,
        revision=1,
        requests=1,
        tokens_in=1,
        tokens_out=1,
        price_nano=cost_nano,
        cost_nano=cost_nano,
    )
