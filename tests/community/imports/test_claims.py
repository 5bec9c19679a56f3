"""Whose brought posts are: proved, claimed by one, given back whole."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Identity, User
from accounts.services import link_identity
from audit.models import Record
from community.forum import services as forum_services
from community.forum.counting import differences
from community.forum.models import Comment, Post, PostRevision, Topic, Vote
from community.imports import services
from community.imports.exceptions import CannotClaim
from community.imports.models import ImportedPerson
from community.imports.proofs import claimable_by
from community.imports.services import ImportOutcome
from community.reputation.queries import points_of
from contracts.accounts import EmailVerified
from notifications.models import Notification
from outbox import publish
from tests.community.imports.exports import (
    POSTS,
    discourse,
    discussion,
    github,
    post_row,
)
from tests.factories import forum
from tests.races import together

pytestmark = pytest.mark.django_db
Bring = Callable[..., ImportOutcome]


@pytest.fixture
def brought(bring: Bring, tmp_path: Path) -> ImportedPerson:
    """Bring a topic of ada's, which grace answered and ada commented on and edited."""
    path = discourse(
        tmp_path,
        posts=(POSTS, [post_row(10, 1, 1), post_row(11, 1, 2)]),
        post_voting_comments=(
            "id, post_id, user_id, raw, created_at",
            [[7, 11, 1, "Which version?", "2020-01-03 00:00:00"]],
        ),
        post_revisions=(
            "post_id, number, user_id, modifications, created_at",
            [[11, 2, 1, "raw:\n- Before\n- After\n", "2020-01-05 00:00:00"]],
        ),
    )
    bring("discourse", path)
    return ImportedPerson.objects.get(key="1")


def confirm(user: User, email: str) -> None:
    EmailAddress.objects.create(user=user, email=email, verified=True)


def test_a_confirmed_address_proves_it_and_nothing_less_does(
    brought: ImportedPerson, person: Callable[..., Any]
) -> None:
    proved, typed, named = person("one"), person("two"), person("ada")
    confirm(proved, "ADA@old.test")
    EmailAddress.objects.create(user=typed, email="ada@old.test", verified=False)

    assert list(claimable_by(proved)) == [brought]
    assert not claimable_by(typed).exists()
    assert not claimable_by(named).exists()
    assert "old.test" not in brought.email_digest
    with pytest.raises(CannotClaim):
        services.claim_history(brought, by=named)
    assert Topic.objects.get().author == brought.placeholder


def test_githubs_number_proves_it_and_a_login_does_not(
    bring: Bring, tmp_path: Path, person: Callable[..., Any]
) -> None:
    bring("github", github(tmp_path / "x.json", [discussion(1)]))
    renamed, namesake = person("one"), person("two")
    link_identity(renamed, provider="github", external_id="17", login="other")
    link_identity(namesake, provider="github", external_id="18", login="ada")

    assert claimable_by(renamed).get().key == "ada"
    assert not claimable_by(namesake).exists()
    assert Identity.objects.count() == 2


def test_what_was_claimed_is_theirs_and_given_back_is_as_before(
    brought: ImportedPerson, person: Callable[..., Any]
) -> None:
    ada = person("ada")
    confirm(ada, "ada@old.test")
    topic = Topic.objects.get()
    before = _authors()

    services.claim_history(brought, by=ada)
    claimed = _authors()
    own = forum.reply(topic, ada)
    services.withdraw_claim(ImportedPerson.objects.get(pk=brought.pk), by=ada)

    assert claimed == [
        name.replace("ada.meta", "ada") if name else name for name in before
    ]
    assert claimed != before
    own.refresh_from_db()
    assert own.author == ada
    topic.refresh_from_db()
    assert topic.last_poster == ada
    assert _authors(without=own) == [*before[:1], "ada", *before[2:]]
    assert points_of(ada.pk) == 0
    actions = Record.objects.filter(action__startswith="history.")
    assert list(actions.order_by("pk").values_list("action", flat=True)) == [
        "history.claimed",
        "history.released",
    ]
    assert differences() == []


def _authors(without: Post | None = None) -> list[str]:
    topics = Topic.objects.values_list("author__username", "last_poster__username")
    posts = Post.objects.all()
    if without is not None:
        posts = posts.exclude(pk=without.pk)
    return [
        *(name for pair in topics for name in pair),
        *posts.order_by("pk").values_list("author__username", flat=True),
        *Comment.objects.values_list("author__username", flat=True),
        *PostRevision.objects.values_list("editor__username", flat=True),
    ]


def test_nobody_has_a_vote_on_a_post_of_their_own_by_claiming_it(
    brought: ImportedPerson, person: Callable[..., Any]
) -> None:
    ada, reader = person("ada"), person("reader")
    confirm(ada, "ada@old.test")
    post = Post.objects.get(number=1)
    for voter in (ada, reader):
        forum_services.vote(post, by=voter, value=1, limited=False)

    services.claim_history(brought, by=ada)

    post.refresh_from_db()
    assert post.vote_score == 1
    assert Vote.objects.get().user == reader
    assert differences() == []


def test_a_claim_of_another_is_not_given_back(
    brought: ImportedPerson, person: Callable[..., Any]
) -> None:
    ada, grace = person("ada"), person("grace")
    confirm(ada, "ada@old.test")
    services.claim_history(brought, by=ada)

    with pytest.raises(CannotClaim):
        services.withdraw_claim(brought, by=grace)
    assert Topic.objects.get().author == ada


def test_what_comes_later_of_somebody_who_has_claimed_is_theirs(
    brought: ImportedPerson,
    bring: Bring,
    tmp_path: Path,
    person: Callable[..., Any],
) -> None:
    from tests.community.imports.exports import TOPICS, topic_row

    ada = person("ada")
    confirm(ada, "ada@old.test")
    services.claim_history(brought, by=ada)
    more = discourse(
        tmp_path,
        topics=(TOPICS, [topic_row(1), topic_row(2)]),
        posts=(POSTS, [post_row(10, 1, 1), post_row(20, 2, 1)]),
    )

    bring("discourse", more)

    assert Topic.objects.get(imported__key="2").author == ada


@pytest.mark.django_db(transaction=True)
def test_of_two_who_prove_it_at_once_one_has_it(
    brought: ImportedPerson, person: Callable[..., Any]
) -> None:
    one, two = person("one"), person("two")
    confirm(one, "ada@old.test")
    link_identity(two, provider="github", external_id="5", login="x")
    ImportedPerson.objects.filter(pk=brought.pk).update(github_id="5")

    outcomes = together(
        *[
            lambda user=user: services.claim_history(brought, by=user)
            for user in (one, two)
        ]
    )

    assert sorted(type(each).__name__ for each in outcomes) == [
        "CannotClaim",
        "NoneType",
    ]
    claimed = ImportedPerson.objects.get(pk=brought.pk).claimed_by
    assert Topic.objects.get().author == claimed


def test_whoever_confirms_an_address_hears_of_it(
    brought: ImportedPerson,
    person: Callable[..., Any],
    deliver_outbox: Callable[[], int],
) -> None:
    from django.db import transaction

    ada, other = person("ada"), person("other")
    confirm(ada, "ada@old.test")
    with transaction.atomic():
        publish(EmailVerified(user_id=ada.pk))
        publish(EmailVerified(user_id=other.pk))

    deliver_outbox()

    told = Notification.objects.get()
    assert told.user == ada
    assert told.url == reverse("imports:history")
    assert "Meta" in told.title


def test_the_page_lets_one_take_over_and_give_back(
    brought: ImportedPerson, person: Callable[..., Any], client: Client
) -> None:
    ada = person("ada")
    confirm(ada, "ada@old.test")
    client.force_login(ada)
    page = client.get(reverse("imports:history")).content.decode()

    assert "Ada Lovelace" in page
    assert "1 post" in page
    assert "1 comment" in page

    client.post(reverse("imports:history-claim", args=[brought.pk]))
    assert Topic.objects.get().author == ada
    client.post(reverse("imports:history-release", args=[brought.pk]))
    assert Topic.objects.get().author == brought.placeholder


def test_the_page_shows_nobody_elses_and_asks_as_often_for_many(
    brought: ImportedPerson, person: Callable[..., Any], client: Client
) -> None:
    other = person("other")
    client.force_login(other)

    page = client.get(reverse("imports:history"))
    claim = client.post(reverse("imports:history-claim", args=[brought.pk]))

    assert "Nothing of yours was found" in page.content.decode()
    assert claim.status_code == 404
    with CaptureQueriesContext(
        connection,
    ) as few:
        client.get(reverse("imports:history"))
    ImportedPerson.objects.update(claimed_by=other, claimed_at=brought.created_at)
    with CaptureQueriesContext(connection) as many:
        client.get(reverse("imports:history"))
    assert len(many) == len(few)


def test_a_placeholder_has_a_page_that_says_who_it_is(
    brought: ImportedPerson, client: Client
) -> None:
    page = client.get(brought.placeholder.get_absolute_url()).content.decode()

    assert "Ada Lovelace" in page
    assert "which moved here, and has no account yet" in page
    assert reverse("imports:history") in page


def test_nobody_comes_in_as_a_placeholder(
    brought: ImportedPerson, client: Client
) -> None:
    from django.db import IntegrityError

    with pytest.raises(IntegrityError):
        User.objects.filter(pk=brought.placeholder_id).update(is_active=True)
