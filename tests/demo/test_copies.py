"""A larger demo: whole copies of a small one, each consistent in itself."""

from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import Identity, Membership, Organisation, User
from activity.models import Event, Visitor, VisitorLink
from billing.conversion.models import Account
from billing.conversion.rebuilding import rebuild
from billing.ledger.checks import CHECKS
from billing.ledger.models import Invoice
from billing.subscriptions.models import Subscription
from community.forum import counting, indexing
from community.forum.models import Category, Post, Tag, Topic, Vote
from community.forum.services import post_reply, vote
from community.imports.models import ImportedPerson
from community.reputation.models import Balance, Entry
from demo import copies
from demo.services import Scale
from entitlements.models import OrganisationEntitlement
from inference.keys.models import ApiKey
from inference.usage.models import UsageEvent
from notifications.models import Notification
from search.models import IndexEntry
from tests.demo.worlds import make

# One worker makes them once.
pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("demo-copies")]

COPIES = 3
SCALE = Scale(40, 30, (1, 3), 12, 60, (1, 3), 5, copies=COPIES)


@pytest.fixture(scope="module", autouse=True)
def _worlds(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """One demo with its copies, for every test here."""
    with django_db_blocker.unblock(), transaction.atomic():
        make(SCALE, timezone.now())
        yield
        transaction.set_rollback(True)
    # A sequence is not rolled back: the next tests count from one again.
    with django_db_blocker.unblock():
        copies._count_from(1)


def _world(pk: int) -> int:
    """Return which world a row is of, the first one being 0."""
    return pk // copies.STRIDE - 1


def test_a_copy_has_everything_of_the_first() -> None:
    models: tuple[Any, ...] = (
        *(User, Organisation, Topic, Post, Vote, Entry, ApiKey, Invoice),
        *(Notification, Subscription, Account),
    )
    for model in models:
        rows = [_world(pk) for pk in model.objects.values_list("pk", flat=True)]
        counts = [rows.count(world) for world in range(COPIES)]
        assert counts == [counts[0]] * COPIES, model
        assert len(rows) == sum(counts) > 0, model
    assert UsageEvent.objects.count() % COPIES == 0
    assert Visitor.objects.count() % COPIES == 0
    assert Event.objects.filter(name="page_viewed").count() % COPIES == 0


def test_a_copy_has_names_of_its_own() -> None:
    ada, second = (User.objects.get(username=name) for name in ("ada", "ada-2"))

    assert second.pk == ada.pk + copies.STRIDE
    assert second.email == "ada-2@demo.test"
    assert second.public_id == f"{ada.public_id}x1"
    assert second.check_password("doorstone-demo")
    posts = Post.objects.filter(author=second).values_list("html", flat=True)
    assert list(posts.order_by("pk")) == list(
        Post.objects.filter(author=ada).order_by("pk").values_list("html", flat=True)
    )
    assert Organisation.objects.filter(slug="northwind-3").exists()
    accounts = Identity.objects.filter(user__username__startswith="ada")
    assert set(accounts.values_list("provider", flat=True)) == {"github"}
    assert accounts.values("external_id").distinct().count() == COPIES


@pytest.mark.parametrize(
    ("model", "column", "kept"),
    [
        # A number of the first world's size, as one hash in seventy has.
        (User, "password", "md5$salt$a1000123b"),
        (ImportedPerson, "email_digest", "c0ffee1000123c0ffee"),
    ],
)
def test_a_hash_holds_no_number(model: Any, column: str, kept: str) -> None:
    field = model._meta.get_field(column)
    value = copies._value(field, is_name=False)

    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {value} FROM (VALUES (%s, 1)) own ({column}, k)",  # noqa: S608 - a column of ours
            [kept],
        )
        assert cursor.fetchone() == (kept,)


def test_everything_refers_to_its_own_copy() -> None:
    for post in Post.objects.select_related("topic"):
        assert _world(post.pk) == _world(post.topic_id) == _world(post.author_id)
    for entry in Entry.objects.filter(reason="answer_upvoted"):
        _vote, post_pk, voter, _round = entry.idem_key.split(":")
        assert (int(post_pk), int(voter)) == (entry.source_id, entry.actor_id)
    for event in Event.objects.filter(name="topic_created"):
        assert event.subject == f"topic:{event.properties['topic_id']}"
        assert event.properties["author_id"] == event.user_id
    for notification in Notification.objects.filter(about_kind="post"):
        topic = Topic.objects.get(posts=notification.about_id)
        assert topic.get_absolute_url() in notification.url
    for subscription in Subscription.objects.all():
        invoices = Invoice.objects.filter(subscription_stripe_id=subscription.stripe_id)
        payers = set(invoices.values_list("organisation", flat=True))
        assert payers == {subscription.organisation_id}
    for link in VisitorLink.objects.select_related("visitor"):
        assert link.visitor.pk == link.visitor_id


def test_every_sum_is_right() -> None:
    assert counting.differences() == []
    assert [violation for check in CHECKS for violation in check()] == []
    assert rebuild() == []
    call_command("audit", "verify", stdout=StringIO())
    assert Account.objects.count() == Organisation.objects.count()
    assert OrganisationEntitlement.objects.count() == Organisation.objects.count()
    assert Membership.objects.count() % COPIES == 0
    # What all share is there once.
    assert Category.objects.filter(pk__gte=copies.FIRST).count() == 0
    assert not Tag.objects.filter(pk__gte=copies.FIRST).exists()
    found = {
        (entry.object_id, entry.part): (entry.url, entry.title)
        for entry in IndexEntry.objects.filter(kind="topic")
    }
    assert found == {
        (entry.object_id, entry.part): (entry.url, entry.title)
        for entry in indexing.entries()
    }


def test_life_goes_on_in_a_copy() -> None:
    topic = Topic.objects.filter(pk__gte=2 * copies.STRIDE).earliest("pk")
    author = User.objects.get(username="chen-2")
    post = post_reply(topic, author=author, text="It goes on.", limited=False)
    assert post.pk > COPIES * copies.STRIDE
    cast = Vote.objects.filter(
        user__pk__gte=2 * copies.STRIDE, value=1, post__number__gt=1
    ).earliest("pk")
    before = Balance.objects.get(user=cast.post.author).points
    vote(cast.post, by=cast.user, value=0, limited=False)
    assert Balance.objects.get(user=cast.post.author).points == before - 10
    assert counting.differences() == []
    assert not Topic.objects.filter(reply_count__gt=F("highest_number")).exists()
