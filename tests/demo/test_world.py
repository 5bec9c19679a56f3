"""One small demo, looked at from all sides."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from io import StringIO
from itertools import pairwise
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.management import call_command
from django.db import transaction
from django.db.models import Count, F
from django.http import QueryDict
from django.test import override_settings
from django.utils import timezone

from accounts.models import Organisation, User
from activity.models import Event, FirstTouch, Visitor, VisitorLink
from analytics.kinds import KINDS
from analytics.models import Annotation, Tile
from audit.models import Record
from billing.approvals.models import Approval
from billing.attribution.models import Touch
from billing.causes.causes import Cause
from billing.causes.models import CauseEstimate
from billing.conversion.figures import cohorts_by_source, total
from billing.conversion.funnel import STEPS
from billing.conversion.models import Account, Developer, ForeignInvoice
from billing.conversion.rebuilding import rebuild
from billing.growth.lift import lifts_between
from billing.growth.models import Cost, Decision, Offer, OfferStop
from billing.ledger.checks import CHECKS
from billing.ledger.models import Invoice, Refund, UsageCost
from billing.quotes.models import Quote
from billing.referrals.models import Referral
from billing.subscriptions.entitling import compute_entitlements
from billing.subscriptions.models import CheckoutIntent, Subscription
from community.contributions.models import Contribution
from community.conversations.models import PrivateMessage
from community.forum import counting
from community.forum.models import Post, PostRevision, Topic, Vote
from community.moderation.models import Case
from community.reputation.models import Balance
from community.standing.models import Level, Sanction, Trust
from community.trust.models import BadgeAward
from core.money import NANO
from demo import storybook
from demo.people import DAYS
from demo.planted import LACKING, LOOKING
from entitlements.models import OrganisationEntitlement
from inference.catalog.models import Model
from inference.keys.models import ApiKey
from inference.usage.models import UsageHour
from jobs.models import Job
from knowledge.models import Build, Gap, GraphNode
from notifications.models import EmailMessage, Notification
from search.models import IndexEntry
from tests.billing.growth.proof.rules import breaches
from tests.billing.growth.proof.world import Town
from tests.demo.worlds import SMALL, make

# As an installation begins with.
HELD_OUT = 10
# One worker makes it once.
pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("demo-world")]


@pytest.fixture(scope="module")
def moment() -> datetime:
    return timezone.now()


@pytest.fixture(scope="module")
def world(
    django_db_setup: None, django_db_blocker: Any, moment: datetime
) -> Iterator[datetime]:
    """One demo for all tests that only read; return the moment it ends at."""
    with (
        override_settings(GROWTH_HOLDOUT_PERCENT=HELD_OUT),
        django_db_blocker.unblock(),
        transaction.atomic(),
    ):
        make(SMALL, moment)
        yield moment
        transaction.set_rollback(True)


def test_the_demo_leaves_every_sum_right(world: datetime) -> None:
    assert counting.differences() == []
    assert [violation for check in CHECKS for violation in check()] == []
    assert rebuild() == []
    start = world - timedelta(days=DAYS)
    assert not Model.objects.filter(released_at__gt=start).exists()
    assert not Job.objects.exclude(state=Job.State.DONE).exists()
    assert not EmailMessage.objects.filter(sent_at=None).exists()
    assert not UsageHour.objects.filter(is_reported=False).exists()
    call_command("audit", "verify", stdout=StringIO())


def test_the_demo_has_figures_to_look_at(world: datetime) -> None:
    start = world - timedelta(days=90)

    figures = total(cohorts_by_source(start, world))

    assert figures.developers > 40
    assert 0.03 < (figures.share or 0) < 0.2
    assert 0 < (figures.full_cost_nano or 0) < (figures.price_nano or 0)
    assert (figures.profit_nano or 0) > 0
    assert figures.cost_nano > figures.converters_cost_nano > 0


def test_the_demo_has_something_of_everything(world: datetime) -> None:
    ada = User.objects.get(username="ada")

    assert Notification.objects.visible_to(ada).unread().count() == 5
    assert Vote.objects.filter(value=-1).exists()
    assert PostRevision.objects.exists()
    assert Topic.objects.filter(locale="zh-hans").count() >= 20
    assert not Topic.objects.filter(view_count__lt=0).exists()
    assert Topic.objects.filter(solution__isnull=False).count() > 30
    assert Post.objects.filter(author=ada).count() > 10
    assert Contribution.objects.filter(user=ada, points__gt=0).count() == 4
    assert Balance.objects.get(user=ada).points > 100
    found = IndexEntry.objects.filter(kind="topic")
    # What advertised is hidden, and not found any more.
    public = Topic.objects.filter(hidden_at=None)
    assert found.filter(part=0).count() == public.count() == Topic.objects.count() - 1
    assert found.count() == Post.objects.filter(topic__hidden_at=None).count()


def test_the_demo_has_every_kind_of_customer(world: datetime) -> None:
    northwind = Organisation.objects.get(slug="northwind")
    roles = set(northwind.memberships.values_list("role", flat=True))
    assert roles == {"owner", "admin", "billing", "member"}
    team = Subscription.objects.get(organisation=northwind)
    assert (team.granted_plan, team.seats) == ("team", 5)
    invoices = Invoice.objects.filter(organisation=northwind).order_by("issued_at")
    assert [invoice.amount_paid for invoice in invoices] == [12_500] * 3
    overdue = Subscription.objects.get(status="past_due")
    assert overdue.granted_plan == "pro"
    assert overdue.grace_until is not None
    assert overdue.grace_until > world
    assert Invoice.objects.filter(status="open").count() == 1
    assert Refund.objects.filter(status="succeeded").count() == 1
    assert Subscription.objects.filter(status="canceled", granted_plan="").exists()
    assert Subscription.objects.filter(cancel_at_period_end=True).exists()
    states = set(CheckoutIntent.objects.values_list("state", flat=True))
    assert states >= {"complete", "expired"}


def test_everything_happens_in_its_time(world: datetime) -> None:
    start = world - timedelta(days=DAYS)

    for model, column in (
        (User, "date_joined"),
        (Post, "created_at"),
        (Vote, "voted_at"),
        (Notification, "created_at"),
        (IndexEntry, "indexed_at"),
        (Subscription, "started_at"),
        (Record, "at"),
        (Event, "occurred_at"),
    ):
        rows: Any = model.objects
        # A thousandth of a second is what the database keeps less of a moment.
        late = rows.filter(**{f"{column}__gt": world + timedelta(milliseconds=1)})
        early = rows.filter(**{f"{column}__lt": start - timedelta(days=7)})
        assert not late.exists(), model
        assert not early.exists(), model


def test_everybody_in_the_demo_has_what_they_pay_for(world: datetime) -> None:
    stored = dict(
        OrganisationEntitlement.objects.values_list("organisation_id", "plan")
    )

    assert stored == {pk: compute_entitlements(pk)[0].plan for pk in stored}
    helios = Organisation.objects.get(slug="helios-energy")
    assert stored[helios.pk] == "enterprise"
    assert not Record.objects.filter(organisation=helios, after={"plan": "free"})


def test_everybody_in_the_demo_comes_further_step_by_step(world: datetime) -> None:
    for (earlier, _), (later, _) in pairwise(STEPS):
        reached = Developer.objects.exclude(**{later: None})
        assert reached.exists()
        assert not reached.filter(**{earlier: None}).exists(), later
        assert not reached.filter(**{f"{later}__lt": F(earlier)}).exists(), later
    callers = EmailAddress.objects.filter(user__in=ApiKey.objects.values("created_by"))
    assert callers.exists()
    assert not callers.filter(verified=False).exists()


def test_what_the_nights_compute_is_there_and_names_what_was_planted(
    world: datetime,
) -> None:
    lost = Gap.objects.filter(kind=Gap.Kind.SEARCH)
    assert list(lost.values_list("words", "demand")) == [(LACKING, LOOKING)]
    build = Build.objects.current().get()
    assert build.sittings > 0
    assert GraphNode.objects.current().filter(kind="topic", readers__gt=0).exists()
    assert set(CauseEstimate.objects.values_list("cause", flat=True)) == set(Cause)


def test_something_waits_on_every_desk(world: datetime) -> None:
    cases = Case.objects.undecided()
    tiles = Tile.objects.filter(dashboard__name="Monday")

    assert set(Quote.objects.values_list("state", flat=True)) == {"draft", "sent"}
    assert Approval.objects.filter(state="waiting", expires_at__gt=world).count() == 1
    assert cases.filter(kind="appeal").count() == 1
    # The advertisement's reports were decided, the later ones wait.
    assert cases.filter(kind="report", flags__created_at__lt=world).count() == 2
    assert Case.objects.get(outcome="agreed", post__hidden_at__isnull=False)
    assert Sanction.objects.in_force().filter(kind="silence").count() == 1
    referrals = Referral.objects.filter(link__user__username="ada")
    assert referrals.filter(paid_at=None).exists()
    assert referrals.filter(paid_at__isnull=False).exists()
    assert PrivateMessage.objects.count() == 4
    assert Trust.objects.get(user__username="ada").level > Level.NEWCOMER
    assert BadgeAward.objects.filter(user__username="ada").exists()
    assert Annotation.objects.count() == 3
    for tile in tiles.select_related("report"):
        kind = KINDS[tile.report.kind]
        assert kind.form(QueryDict(tile.report.query)).is_valid(), tile.report.name
    assert tiles.count() == 2
    assert Touch.objects.exists()


def test_the_engine_finds_the_offer_that_works_and_not_the_one_that_does_not(
    world: datetime,
) -> None:
    lifts = lifts_between(world - timedelta(days=DAYS), world)
    stories = {story.key: story for story in storybook.launch_offers()}
    found = {each.offer.key: each.lift for each in lifts.offers}

    works, idle = stories["premium_trial"], stories["more_room"]
    planted = works.pays - works.pays_anyway
    trial = found[works.key].share
    assert trial.is_significant
    assert trial.estimate is not None
    assert 0 < trial.estimate.low <= planted <= trial.estimate.high
    banner = found[idle.key].share
    assert banner.estimate is not None
    assert banner.estimate.low < 0 < banner.estimate.high
    assert not banner.is_significant
    assert not found[idle.key].is_losing
    # All together: some of what one offer brings is in it.
    assert not lifts.engine.is_off
    assert lifts.engine.share.is_significant
    assert lifts.engine.share.estimate is not None
    assert lifts.engine.share.estimate.low > 0


def test_the_guardrail_stops_the_offer_that_costs_its_margin(world: datetime) -> None:
    stop = OfferStop.objects.get()

    assert stop.offer.key == "welcome_credit"
    assert stop.offer.state == "retired"
    assert stop.low_nano < stop.value_nano < stop.high_nano < 0
    made = Decision.objects.filter(offer=stop.offer)
    assert made.filter(decided_at__lt=stop.stopped_at).count() >= stop.treated > 0
    assert not made.filter(decided_at__gt=stop.stopped_at).exists()
    # Its moment goes on, with what is left.
    after = Decision.objects.filter(
        moment="pricing_twice", decided_at__gt=stop.stopped_at
    )
    assert after.exists()
    assert set(Offer.objects.filter(cost_nano__gt=0, state="active")) == {
        Offer.objects.get(key="premium_trial")
    }


def test_the_profit_of_the_engine_adds_up_to_the_smallest_unit(
    world: datetime,
) -> None:
    """Add up row by row what the page computes in one statement."""
    sums = lifts_between(world - timedelta(days=DAYS), world).bridge
    first: dict[int, Decision] = {}
    compared = Decision.objects.compared().filter(decided_at__lt=world)
    for decision in compared.order_by("decided_at", "pk"):
        first.setdefault(decision.organisation_id, decision)
    arms: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    for decision in first.values():
        arm = arms[decision.reason != "holdout"]
        mine: Any = {"organisation_id": decision.organisation_id}
        since = decision.decided_at
        invoices = Invoice.objects.filter(**mine, paid_at__gt=since, currency="usd")
        calls = UsageCost.objects.filter(**mine, window__gt=since)
        booked = Cost.objects.filter(
            decision__organisation_id=decision.organisation_id,
            decision__decided_at__gte=since,
        )
        arm["units"] += 1
        arm["revenue"] += sum(each.revenue - each.told_returned for each in invoices)
        arm["usage"] += sum(each.cost_nano for each in calls)
        for cost in booked:
            arm[cost.kind] += cost.amount_nano
    treated, held = arms[True], arms[False]
    scale = Fraction(treated["units"], held["units"])
    cent = NANO // 100
    revenue = round(treated["revenue"] - held["revenue"] * scale)
    offers = round(Fraction(treated["credits"] + treated["trial_usage"], cent))
    own, theirs = (arm["usage"] - arm["trial_usage"] for arm in (treated, held))
    usage = round((own - theirs * scale) / cent)

    assert (sums.revenue, sums.offers, sums.usage) == (revenue, offers, usage)
    assert sums.profit == revenue - offers - usage
    assert treated["credits"] > 0
    assert treated["trial_usage"] > 0
    assert sums.profit > 0


def test_nobody_in_the_demo_was_offered_what_they_must_not_be(world: datetime) -> None:
    assert breaches(Town({}, {}), asked_for_mail=[], share=HELD_OUT / 100) == {}


def test_companies_buy_by_contract_in_two_currencies_and_not_who_reads_pays(
    world: datetime,
) -> None:
    for contract in storybook.launch_contracts():
        *readers, buyer = contract.people
        team = Organisation.objects.get(name=contract.team)
        invoice = Invoice.objects.get(organisation=team)
        assert (invoice.revenue, invoice.currency) == (
            contract.amount,
            contract.currency,
        )
        account = Account.objects.get(organisation=team)
        assert account.payer is not None
        assert account.payer.user.username == buyer
        assert account.developer is not None
        assert account.developer.user.username in readers
        assert account.developer.first_call_at is not None
    foreign = ForeignInvoice.objects.get()
    assert (foreign.currency, foreign.converted) == ("eur", 5_232_000)
    # The largest of all payments is more than all the small ones together.
    paid = sorted(Invoice.objects.paid().values_list("revenue", flat=True))
    assert paid[-1] > sum(each for each in paid if each < 100_000)


def test_some_have_several_devices_and_came_by_the_first(world: datetime) -> None:
    several = (
        VisitorLink.objects.values("user_id")
        .annotate(devices=Count("pk"))
        .filter(devices__gt=1)
    )
    assert several.count() > 100
    for row in several[:20]:
        browsers = Visitor.objects.filter(link__user_id=row["user_id"])
        earliest = browsers.order_by("first_seen_at")[0]
        touch = FirstTouch.objects.get(user_id=row["user_id"])
        assert (touch.at, touch.source) == (earliest.first_seen_at, earliest.source)
