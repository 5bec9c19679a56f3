"""What was reverted earns nothing, in whatever order it is heard of."""

import json
from itertools import permutations
from typing import Any

import pytest
from django.test import Client

from accounts.models import Identity, User
from accounts.services import link_identity
from activity.models import Event
from community.contributions.models import Contribution
from community.reputation.models import Balance, Entry
from jobs.models import Job
from jobs.working import sweep, work
from notifications.models import Notification
from tests.community.contributions.test_webhook import AUTHOR, deliver, merged
from tests.races import together

FULL_NAME = json.loads(merged())["repository"]["full_name"]
FIRST = merged(number=2)
REVERT = merged(number=3, title="No good", body=f"Reverts {FULL_NAME}#2")
AGAIN = merged(number=4, title="Once more", body=f"Reverts {FULL_NAME}#3")


@pytest.fixture
def author(person: Any) -> User:
    user: User = person("codertocat")
    Identity.objects.create(user=user, provider="github", external_id=AUTHOR)
    return user


def hear(client: Client, *bodies: bytes) -> None:
    for body in bodies:
        number = json.loads(body)["pull_request"]["number"]
        deliver(client, body, guid=f"pr-{number}")
        sweep("contribution")


def points_of(user: User) -> int:
    balance = Balance.objects.filter(user=user).first()
    return balance.points if balance else 0


def states() -> dict[int, str]:
    return dict(Contribution.objects.values_list("number", "status"))


@pytest.mark.django_db
@pytest.mark.parametrize("order", list(permutations([FIRST, REVERT])))
def test_a_revert_earns_nothing_and_takes_back_what_it_reverts(
    client: Client, author: User, order: tuple[bytes, ...]
) -> None:
    hear(client, *order)

    assert points_of(author) == 0
    assert states() == {2: "void", 3: "void"}


@pytest.mark.django_db
@pytest.mark.parametrize("order", list(permutations([FIRST, REVERT, AGAIN])))
def test_a_revert_of_the_revert_gives_it_back_once(
    client: Client, author: User, order: tuple[bytes, ...]
) -> None:
    hear(client, *order, *order)

    assert points_of(author) == 25
    assert states() == {2: "confirmed", 3: "void", 4: "void"}
    assert sum(Entry.objects.values_list("delta", flat=True)) == 25


@pytest.mark.django_db
def test_reverted_a_second_time_it_is_taken_back_a_second_time(
    client: Client, author: User
) -> None:
    hear(client, FIRST, REVERT, AGAIN)

    hear(client, merged(number=5, body=f"Reverts {FULL_NAME}#4"))
    assert (points_of(author), states()[2]) == (0, "void")

    hear(client, merged(number=6, body=f"Reverts {FULL_NAME}#5"))
    assert (points_of(author), states()[2]) == (25, "confirmed")


@pytest.mark.django_db
def test_merged_anew_by_another_pull_request_it_is_credited_once(
    client: Client, author: User
) -> None:
    hear(client, FIRST, REVERT, merged(number=4, title="The same again"))

    assert points_of(author) == 25
    assert states() == {2: "void", 3: "void", 4: "confirmed"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body",
    [
        "Reverts #2",
        f"Reverts {FULL_NAME.upper()}#2",
        f"Broke the build.\r\n\r\nReverts {FULL_NAME}#2\r\n",
    ],
)
def test_a_revert_is_known_by_the_line_that_github_writes(
    client: Client, author: User, body: str
) -> None:
    hear(client, FIRST, merged(number=3, title="Broken", body=body))

    assert states() == {2: "void", 3: "void"}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "changes",
    [
        {"title": 'Revert "Update the README"', "body": ""},
        {"body": "Reverts somebody/else#2"},
        {"body": "Reverts #2 in part, see below"},
        {"body": "> Reverts #2"},
        {"body": "Reverts #3"},
        {"body": "Reverts #9"},
        {"body": "Reverts #0"},
        {"body": "Reverts #²"},
        {"body": "Reverts #\u0662"},
        {"body": None},
    ],
)
def test_what_only_speaks_of_a_revert_is_work(
    client: Client, author: User, changes: dict[str, Any]
) -> None:
    hear(client, FIRST, merged(number=3, **changes))

    assert points_of(author) == 50
    assert states() == {2: "confirmed", 3: "confirmed"}


@pytest.mark.django_db
def test_work_that_waits_for_its_author_and_is_reverted_is_never_credited(
    client: Client, person: Any
) -> None:
    hear(client, FIRST, REVERT)
    ada = person("ada")

    link_identity(ada, provider="github", external_id=AUTHOR, login="Codertocat")
    sweep("fact")

    assert (points_of(ada), Entry.objects.count()) == (0, 0)


@pytest.mark.django_db
def test_a_program_earns_nothing_and_waits_for_nobody(client: Client) -> None:
    bot = {"id": 49699333, "login": "dependabot[bot]", "type": "Bot"}

    hear(client, merged(user=bot))

    job = Job.objects.get(kind="contribution")
    assert (job.state, Contribution.objects.count()) == ("ignored", 0)
    assert "dependabot[bot]" in job.last_error


@pytest.mark.django_db
@pytest.mark.parametrize("user", [None, {"id": 7, "login": "bot", "type": "Bot"}])
def test_it_does_not_matter_who_reverts(
    client: Client, author: User, user: dict[str, Any] | None
) -> None:
    hear(client, FIRST, merged(number=3, body="Reverts #2", user=user))

    assert (points_of(author), states()[2]) == (0, "void")


@pytest.mark.django_db
def test_the_author_is_told_and_the_log_has_it(client: Client, author: User) -> None:
    hear(client, FIRST, REVERT)
    sweep("fact")

    told = Notification.objects.get(dedupe_key__endswith=":reverted")
    assert told.user == author
    assert told.title.endswith("#2: −25")
    assert Event.objects.filter(name="contribution_reverted").count() == 1
    client.force_login(author)
    assert "+25" not in client.get("/contributions/").content.decode()


@pytest.mark.django_db(transaction=True)
def test_of_a_merge_and_its_revert_at_once_nothing_is_left(
    client: Client, author: User
) -> None:
    for number, body in ((2, FIRST), (3, REVERT)):
        deliver(client, body, guid=f"pr-{number}")

    results = together(
        *(lambda key=key: work("contribution", key) for key in ("pr-2", "pr-3"))
    )

    assert not any(isinstance(each, Exception) for each in results)
    assert points_of(author) == 0
    assert states() == {2: "void", 3: "void"}
