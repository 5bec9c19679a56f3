from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pgtrigger
import pytest
from django.db import transaction
from django.db.utils import ProgrammingError

from community.reputation.models import Balance, Entry
from community.reputation.services import reverse
from tests.factories.reputation import earned
from tests.races import together

Person = Callable[..., Any]


@pytest.mark.django_db
def test_the_same_key_earns_once(person: Person) -> None:
    ada = person("ada")
    first = earned(ada, key="one")
    assert earned(ada, key="one") == first
    assert Balance.objects.get(user=ada).points == 15


@pytest.mark.django_db
def test_votes_earn_two_hundred_a_day_and_accepts_more(person: Person) -> None:
    ada = person("ada")
    came = [earned(ada, "answer_upvoted") for _ in range(21)]
    assert came[-1] is None
    assert Balance.objects.get(user=ada).points == 200
    earned(ada, "answer_accepted")
    earned(ada, "contribution_merged")
    assert Balance.objects.get(user=ada).points == 240


@pytest.mark.django_db
def test_yesterdays_votes_do_not_count_today(person: Person) -> None:
    ada = person("ada")
    for _ in range(20):
        earned(ada, "answer_upvoted")
    with pgtrigger.ignore("reputation.Entry:append_only"):
        for entry in Entry.objects.all():
            entry.created_at -= timedelta(days=1)
            entry.save()
    earned(ada, "answer_upvoted")
    assert Balance.objects.get(user=ada).points == 210


@pytest.mark.django_db
def test_what_is_taken_back_is_taken_back_once_and_stays_on_record(
    person: Person,
) -> None:
    ada = person("ada")
    earned(ada, key="one")
    taken = reverse("one")
    assert taken is not None
    assert (taken.delta, taken.reverses) == (-15, Entry.objects.get(idem_key="one"))
    assert reverse("one") is None
    assert reverse("never") is None
    assert Balance.objects.get(user=ada).points == 0
    assert Entry.objects.count() == 2


@pytest.mark.django_db
def test_an_entry_is_never_changed(person: Person) -> None:
    entry = earned(person("ada"))
    assert entry is not None
    with pytest.raises(ProgrammingError, match="Cannot update"), transaction.atomic():
        Entry.objects.filter(pk=entry.pk).update(delta=1000)
    entry.refresh_from_db()
    assert entry.delta == 15


@pytest.mark.django_db(transaction=True)
def test_the_cap_holds_for_votes_that_come_at_once(person: Person) -> None:
    ada = person("ada")
    for _ in range(18):
        earned(ada, "answer_upvoted")
    together(*[lambda: earned(ada, "answer_upvoted") for _ in range(8)])
    assert Balance.objects.get(user=ada).points == 200
