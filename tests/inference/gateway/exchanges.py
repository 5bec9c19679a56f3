"""Exchanges in each of their stages, without a gateway around them."""

import time
from typing import Any

import orjson

from entitlements.features import FREE, Features
from inference.catalog.models import Deployment
from inference.directory.callers import Caller
from inference.directory.offers import OfferedModel
from inference.gateway.eligibility import bounds_of
from inference.gateway.exchange import Exchange
from inference.protocol.requests import CHAT, parse

MODEL = OfferedModel(
    slug="tiny",
    edition="open",
    owned_by="us",
    created=1,
    context_tokens=8_000,
    max_output_tokens=1_000,
    default_output_tokens=100,
    bytes_per_token=4.0,
    price_version_id=7,
    price=(1_000_000_000, 500_000_000, 2_000_000_000),
    cost=(500_000_000, 250_000_000, 1_000_000_000),
    deployments=(Deployment(pk=1, provider="openai", base_url="http://x"),),
)


def caller(
    features: Features = FREE, *, organisation_id: int = 1, **fields: Any
) -> Caller:
    """Return somebody with a key."""
    known = {
        "key_id": 5,
        "digest": "d",
        "organisation_slug": "acme",
        "allowed_models": frozenset(),
        "monthly_limit_nano": None,
        "expires_at": None,
        "locale": "en",
    }
    return Caller(
        organisation_id=organisation_id, features=features, **{**known, **fields}
    )


def received(
    who: Caller | None = None, *, request_id: str = "req_1", **asked: Any
) -> Exchange:
    """Return a request for ten tokens of ``MODEL``."""
    said = [{"role": "user", "content": "Say hello."}]
    body = {"model": "tiny", "messages": said, "max_tokens": 10, **asked}
    return Exchange(request_id, "", who or caller(), parse(CHAT, orjson.dumps(body)))


def estimated(who: Caller | None = None, **fields: Any) -> Exchange:
    """Return one whose worst price is known."""
    exchange = received(who, **fields)
    bounds, most_out, _likely = bounds_of(exchange.call, MODEL)
    exchange.estimate(MODEL, bounds, most_out=most_out, started=time.perf_counter())
    return exchange


def admitted(who: Caller | None = None, **fields: Any) -> Exchange:
    """Return one that may run."""
    exchange = estimated(who, **fields)
    exchange.admit({}, is_held_in_redis=True)
    return exchange
