"""Loading the demo: whole or not at all, the same every time, and true."""

from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from billing.ledger.models import Invoice
from community.forum.models import Topic
from demo import visits
from tests.demo.worlds import TINY, make, outcome
from tests.fakes.stripe_emulator import StripeEmulator

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 10, 30, tzinfo=UTC)
# Numbers, secrets and what Stripe draws are drawn anew; everything else is the same
# for the same seed.
DRAWN = (
    *("id", "user_id", "organisation_id", "topic_id"),
    *("author_id", "post_id", "hidden_by_id"),
)
SAME = {
    # The organisation somebody works in is named by a number, like every key.
    "accounts_user": ("id", "password", "current_organisation_id"),
    "accounts_organisation": ("id", "owner_id"),
    "activity_visitor": (),
    "forum_topic": (*DRAWN, "category_id", "last_poster_id", "solution_id"),
    "forum_post": DRAWN,
    "forum_vote": DRAWN,
    "reputation_entry": (*DRAWN, "actor_id", "idem_key", "source_id"),
    "usage_usageevent": (*DRAWN, "key_id", "price_version_id"),
    "conversion_developer": ("user_id",),
    "ledger_invoice": (
        *(*DRAWN, "raw", "stripe_id", "subscription_stripe_id", "number"),
        *("hosted_url", "pdf_url", "fetched_at"),
    ),
}


@pytest.fixture
def emulator(stripe_emulator: StripeEmulator, settings: Settings) -> StripeEmulator:
    settings.STRIPE_API_BASE = stripe_emulator.url
    settings.STRIPE_SECRET_KEY = stripe_emulator.key
    return stripe_emulator


def test_the_same_seed_gives_the_same_demo(emulator: StripeEmulator) -> None:
    first = outcome(lambda: make(TINY, NOW), tables=SAME)
    emulator.reset()
    again = outcome(lambda: make(TINY, NOW), tables=SAME)
    emulator.reset()
    other = outcome(lambda: make(TINY, NOW, number=7), tables=SAME)

    for table in SAME:
        assert again[table] == first[table], table
        assert first[table], table
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
    emulator: StripeEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(visits, "create_visits", crash)

    with pytest.raises(KeyboardInterrupt):
        make(TINY, timezone.now())

    assert not User.objects.exists()
    assert not Topic.objects.exists()
    assert not Invoice.objects.exists()
    # The clock is everybody's again.
    before = datetime.now(UTC)
    assert before <= timezone.now()
