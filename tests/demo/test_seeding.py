"""Loading the demo: whole or not at all, the same every time, and true."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import pairwise

import pytest
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command
from django.db.models import F
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Organisation, User
from audit.models import Record
from billing.conversion.figures import cohorts_by_source, total
from billing.conversion.funnel import STEPS
from billing.conversion.models import Developer
from billing.conversion.rebuilding import rebuild
from billing.ledger.checks import CHECKS
from billing.ledger.models import Invoice, Refund
from billing.subscriptions.entitling import compute_entitlements
from billing.subscriptions.models import Subscription
from community.forum import counting
from community.forum.models import Post, PostRevision, Topic, Vote
from demo import visits
from demo.people import DAYS
from demo.services import Scale, seed
from demo.threads import book_of, composed, written
from entitlements.models import OrganisationEntitlement
from inference.catalog.models import Model
from inference.keys.models import ApiKey
from jobs.models import Job
from notifications.models import EmailMessage, Notification
from tests.demo.rows import outcome

pytestmark = pytest.mark.django_db(transaction=True)

TINY = Scale(90, 110, (1, 4), 60, 300, (2, 5), 10)
NOW = datetime(2026, 11, 20, 10, 30, tzinfo=UTC)
# Keys and secrets are drawn anew; everything else is the same for the same seed.
DRAWN = ("id", "user_id", "organisation_id", "topic_id", "author_id", "post_id")
SAME = {
    # The organisation somebody works in is named by a number, like every key.
    "accounts_user": ("id", "password", "current_organisation_id"),
    "activity_visitor": (),
    "forum_topic": (*DRAWN, "category_id", "last_poster_id", "solution_id"),
    "forum_post": (*DRAWN,),
    "forum_vote": DRAWN,
    "usage_usageevent": (*DRAWN, "key_id", "price_version_id"),
    "ledger_invoice": (*DRAWN, "raw"),
    "subscriptions_subscription": (*DRAWN, "price_id", "paid_price_id", "raw"),
}


@pytest.fixture(autouse=True)
def _without_stripe(settings: Settings) -> None:
    """The ledger alone: nothing answers here."""
    settings.STRIPE_API_BASE = "http://127.0.0.1:9"


def _seed(now: datetime, number: int = 42) -> None:
    seed(TINY, seed=number, on_step=lambda what, done: None, now=now)


def test_the_demo_leaves_every_sum_right() -> None:
    now = timezone.now()

    _seed(now)

    assert counting.differences() == []
    assert [violation for check in CHECKS for violation in check()] == []
    assert rebuild() == []
    assert not Model.objects.filter(released_at__gt=now - timedelta(days=DAYS)).exists()
    assert not Job.objects.exclude(state=Job.State.DONE).exists()
    assert not EmailMessage.objects.filter(sent_at=None).exists()
    call_command("audit", "verify", stdout=StringIO())

    figures = total(
        cohorts_by_source(
            now - timedelta(days=90), now, window=timedelta(days=30), as_of=now
        )
    )
    assert figures.developers > 40
    assert 0.03 < (figures.share or 0) < 0.16
    assert 0 < (figures.full_cost_nano or 0) < (figures.price_nano or 0)
    assert (figures.profit_nano or 0) > 0
    assert figures.cost_nano > figures.converters_cost_nano > 0


def test_the_demo_has_something_of_everything() -> None:
    _seed(timezone.now())

    ada = User.objects.get(username="ada")
    northwind = Organisation.objects.get(slug="northwind")
    assert set(northwind.memberships.values_list("role", flat=True)) == {
        "owner",
        "admin",
        "billing",
        "member",
    }
    assert Subscription.objects.get(organisation=northwind).granted_plan == "team"
    assert Subscription.objects.filter(status="past_due").count() == 1
    assert Invoice.objects.filter(status="open").count() == 1
    assert Refund.objects.filter(status="succeeded").count() == 1
    assert Notification.objects.visible_to(ada).unread().count() == 5
    assert Vote.objects.filter(value=-1).exists()
    assert PostRevision.objects.exists()
    assert Topic.objects.filter(locale="zh-hans").count() >= 20
    assert not Topic.objects.filter(view_count__lt=0).exists()
    assert Topic.objects.filter(solution__isnull=False).count() > 30
    assert Post.objects.filter(author=ada).count() > 10


def test_everybody_in_the_demo_has_what_they_pay_for() -> None:
    _seed(timezone.now())

    stored = dict(
        OrganisationEntitlement.objects.values_list("organisation_id", "plan")
    )
    assert stored == {pk: compute_entitlements(pk)[0].plan for pk in stored}
    helios = Organisation.objects.get(slug="helios-energy")
    assert stored[helios.pk] == "enterprise"
    assert not Record.objects.filter(organisation=helios, after={"plan": "free"})


def test_everybody_in_the_demo_comes_further_step_by_step() -> None:
    _seed(timezone.now())

    for (earlier, _), (later, _) in pairwise(STEPS):
        reached = Developer.objects.exclude(**{later: None})
        assert reached.exists()
        assert not reached.filter(**{earlier: None}).exists(), later
        assert not reached.filter(**{f"{later}__lt": F(earlier)}).exists(), later
    callers = EmailAddress.objects.filter(user__in=ApiKey.objects.values("created_by"))
    assert callers.exists()
    assert not callers.filter(verified=False).exists()


def test_the_same_seed_gives_the_same_demo() -> None:
    first = outcome(lambda: _seed(NOW), tables=SAME)
    again = outcome(lambda: _seed(NOW), tables=SAME)
    other = outcome(lambda: _seed(NOW, number=7), tables=SAME)

    for table in SAME:
        assert again[table] == first[table], table
        assert other[table] != first[table], table


def test_the_demo_is_loaded_only_once(person: Callable[..., User]) -> None:
    person("somebody")

    with pytest.raises(CommandError, match="Start with an empty database"):
        call_command("seed_demo", stdout=StringIO())

    assert list(User.objects.values_list("username", flat=True)) == ["somebody"]


def test_the_demo_is_refused_where_its_passwords_would_be_a_danger(
    settings: Settings,
) -> None:
    settings.ALLOWS_DEMO = False

    with pytest.raises(CommandError, match="known to everybody"):
        call_command("seed_demo", stdout=StringIO())

    assert not User.objects.exists()


def test_a_crash_half_way_leaves_nobody_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def crash(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(visits, "create_visits", crash)

    with pytest.raises(KeyboardInterrupt):
        _seed(timezone.now())

    assert not User.objects.exists()
    assert not Topic.objects.exists()
    assert not Invoice.objects.exists()


def test_threads_are_plenty_and_no_title_comes_twice() -> None:
    import random

    rng = random.Random(1)  # noqa: S311 - the same threads every time
    threads = written()
    languages = [thread.is_chinese for thread in threads]
    assert languages.count(False) >= 60
    assert languages.count(True) >= 30

    titles = [thread.title for thread in threads]
    for is_chinese, count in ((False, 17_000), (True, 4_000)):
        stream = composed(book_of(is_chinese=is_chinese), (1, 2), rng)
        titles += [next(stream).title for _ in range(count)]

    assert len(set(titles)) == len(titles) == 21_093
    assert max(map(len, titles)) <= 200
    assert not any("{" in title for title in titles)
