"""Credit that the demo's organisations were given, and for what."""

from datetime import timedelta

from accounts.models import Organisation
from billing.credits.models import CreditGrant
from billing.credits.services import grant_credit
from core.money import NANO
from demo import people
from demo.calendar import Calendar
from demo.people import Company, Person
from demo.rhythm import Rhythm

Kind = CreditGrant.Kind


def plan_credit(
    characters: dict[str, Person], company: Company, calendar: Calendar, rhythm: Rhythm
) -> None:
    """Reward an author, welcome a team and make up for an outage."""
    calendar.plan(rhythm.end - timedelta(days=20), _reward, company, characters["ada"])
    calendar.plan(rhythm.end - timedelta(days=12), _welcome, rhythm)
    calendar.plan(rhythm.end - timedelta(days=3), _make_up, company)


def _reward(company: Company, author: Person) -> None:
    own = Organisation.objects.personal().get(owner=company[author.username])
    grant_credit(
        own.pk,
        kind=Kind.CONTRIBUTION,
        amount_nano=5 * NANO,
        key="demo:contribution",
        reason="A merged guide to retries",
    )


def _welcome(rhythm: Rhythm) -> None:
    grant_credit(
        people.team("Northwind").pk,
        kind=Kind.PROMOTION,
        amount_nano=25 * NANO,
        key="demo:promotion",
        reason="Autumn offer for teams",
        # Near enough to be reminded of while the demo is looked at.
        expires_at=rhythm.end + timedelta(days=6),
    )


def _make_up(company: Company) -> None:
    grant_credit(
        people.team("Northwind").pk,
        kind=Kind.SUPPORT,
        amount_nano=10 * NANO,
        key="demo:support",
        reason="Slow answers on Tuesday",
        by=company["staff"],
    )
