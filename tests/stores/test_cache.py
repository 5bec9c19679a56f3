from django.core.cache import cache

from stores.redis import client, prefixed


def test_emptying_the_cache_leaves_queues_and_reservations_alone() -> None:
    cache.set("page", "kept for a while")
    client().set(prefixed("gw:reservation"), "held")

    cache.clear()

    assert cache.get("page") is None
    assert client().get(prefixed("gw:reservation")) == b"held"
