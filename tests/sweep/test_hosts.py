"""No answer follows the host a caller claims to have asked for."""

from collections.abc import Callable

import pytest
from django.test import Client

from tests.sweep.world import Address, forget_limits

pytestmark = [pytest.mark.sweep, pytest.mark.django_db]
# The first is an allowed host, and none of the site's own address.
CLAIMS = {
    "host": "localhost:4000",
    "x-forwarded-host": "evil.test",
    "x-forwarded-server": "evil.test",
    "x-host": "evil.test",
    "x-original-host": "evil.test",
    "forwarded": "host=evil.test;proto=https",
}


@pytest.mark.parametrize("role", ["anonymous", "owner", "staff"])
def test_no_answer_names_the_host_that_was_asked_for(
    role: str, addresses: list[Address], client_of: Callable[[str], Client]
) -> None:
    client = client_of(role)
    following = []

    for number, address in enumerate(addresses):
        if number % 50 == 0:
            forget_limits()
        answer = client.get(address.url, headers=CLAIMS)
        body = (
            b"".join(answer) if getattr(answer, "streaming", False) else answer.content
        )
        whole = f"{answer.headers}\n{body.decode(errors='replace')}"
        if "localhost:4000" in whole or "evil.test" in whole:
            following.append(address.url)

    assert len(addresses) > 100
    assert following == []
