"""Offers, policies and units as small as they can be."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import Organisation, User
from billing.growth.catalogue import renew_revision
from billing.growth.models import Offer, Policy, PolicyOffer
from billing.growth.moments import Moment
from tests.factories.growth import keep_nobody_out

WORDS = {
    "title_en": "Title",
    "title_zh": "标题",
    "body_en": "Text.",
    "body_zh": "正文。",
    "action_en": "Go",
    "action_zh": "前往",
}


def make_offer(key: str, **fields: Any) -> Offer:
    """Return an active offer that costs nothing and is kept from nobody."""
    values: dict[str, Any] = {
        **WORDS,
        "kind": Offer.Kind.TALK,
        "state": Offer.State.ACTIVE,
        "surfaces": ["console"],
        "holdout_percent": 0,
    }
    return Offer.objects.create(key=key, **{**values, **fields})


def put_in_force(moment: Moment, *offers: Offer, **fields: Any) -> Policy:
    """Put a policy with these offers, and no other, in force."""
    Policy.objects.filter(moment=moment).delete()
    policy = Policy.objects.create(moment=moment, version=1, **fields)
    PolicyOffer.objects.bulk_create(
        PolicyOffer(policy=policy, offer=offer, rank=rank)
        for rank, offer in enumerate(offers)
    )
    renew_revision()
    return policy


@pytest.fixture
def catalogue(db: None) -> None:
    keep_nobody_out()


@pytest.fixture
def offered(catalogue: None) -> Callable[..., Offer]:
    """Return a function that makes an offer and has a moment choose it."""

    def offer(
        key: str, *, moment: Moment = Moment.THIRD_ANSWER, **fields: Any
    ) -> Offer:
        made = make_offer(key, **fields)
        put_in_force(moment, made)
        return made

    return offer


@pytest.fixture
def crowd(db: None) -> Callable[[int], list[Organisation]]:
    """Return a function that makes so many organisations, in bulk."""
    made = iter(range(10**6))

    def make(count: int) -> list[Organisation]:
        names = [f"u{next(made)}" for _ in range(count)]
        users = User.objects.bulk_create(
            User(username=name, email=f"{name}@crowd.test") for name in names
        )
        return Organisation.objects.bulk_create(
            Organisation(
                slug=user.username, name=user.username, kind="personal", owner=user
            )
            for user in users
        )

    return make


@pytest.fixture
def nobody_kept_out(catalogue: None, settings: Any) -> None:
    """Have the holdout of all offers keep nobody out."""
    settings.GROWTH_HOLDOUT_PERCENT = 0


@pytest.fixture
def everybody_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have campaigns keep nobody out."""
    monkeypatch.setattr(
        "billing.growth.deciding.is_kept_from_campaign", lambda *_: False
    )
