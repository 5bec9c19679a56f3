"""Another installation's gateway may embed what an assistant is to find."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from embedded.modelservers.fleet import EMBEDDINGS
from search.embedder import Embedder
from tests.inference.gateway.conftest import (
    Customer,
    customer,
    gateway,
    gateway_process,
    recorded,
)
from tests.model_servers import Servers

__all__ = ["customer", "gateway", "gateway_process"]
pytestmark = pytest.mark.xdist_group("models")


def test_a_gateway_embeds_questions_and_passages_as_the_model_itself_does(
    local_models: Servers, customer: Callable[..., Customer], settings: Any
) -> None:
    ada = customer()
    server = local_models[EMBEDDINGS]
    through = (ada.url, ada.secret)
    itself = (server.url, server.settings.key)
    found = []

    for settings.EMBEDDINGS_URL, settings.EMBEDDINGS_KEY in (through, itself):
        found.append(asyncio.run(both_ways()))

    assert found[0] == found[1]
    (question, passage) = found[0]
    assert question != passage
    # Who embeds so pays for each: a reason not to have a product call its own.
    assert [event.model for event in recorded(2)] == [EMBEDDINGS, EMBEDDINGS]


async def both_ways() -> tuple[list[float], list[float]]:
    embedder = Embedder()
    question = await embedder.question("How do I stream an answer?")
    (passage,) = await embedder.passages(["How do I stream an answer?"])
    await embedder.close()
    return question, passage
