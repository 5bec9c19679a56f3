from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import Membership
from accounts.services import add_member, create_organisation, remove_member
from inference.keys.models import ApiKey
from inference.keys.services import create_playground_key
from tests.factories.inference import key_of


@pytest.mark.django_db(transaction=True)
def test_who_leaves_loses_the_playground_but_shared_keys_stay(
    person: Callable[..., Any], deliver_outbox: Callable[[], int]
) -> None:
    erin, ben = person("erin"), person("ben")
    team = create_organisation("Northwind", owner=erin)
    membership: Membership = add_member(team, user=ben)
    bens, _ = create_playground_key(team, by=ben)
    erins, _ = create_playground_key(team, by=erin)
    shared = key_of(team, ben)

    remove_member(membership)
    deliver_outbox()

    usable = set(ApiKey.objects.usable().values_list("pk", flat=True))
    assert usable == {erins.pk, shared.pk}
    bens.refresh_from_db()
    assert bens.revoked_at is not None
