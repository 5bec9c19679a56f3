"""The small models of a bare machine, really running, once for a whole test run.

What uses them belongs to the group ``models``, so that one worker starts them.
"""

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from embedded.modelservers import fleet
from embedded.modelservers.fleet import ModelServer
from tests.fakes.servers import free_port

KEY = "the-key-of-these-tests"
Servers = dict[str, ModelServer]


@pytest.fixture(scope="session")
def model_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """SmolLM2 and e5 behind ``KEY``, by the name they have in the catalogue."""
    complaints: list[str] = []
    folder = tmp_path_factory.mktemp("models")
    running = fleet.start(
        [
            partial(make, free_port(), KEY, folder)
            for make in (fleet.language_server, fleet.embeddings_server)
        ],
        complaints.append,
    )
    assert complaints == []
    yield {server.settings.name: server for server in running}
    for server in running:
        server.stop()


@pytest.fixture
def local_models(db: None, model_servers: Servers) -> Servers:
    """The same, offered in the catalogue as ``make run`` offers them."""
    from embedded.modelservers import cards

    addresses = {name: server.url for name, server in model_servers.items()}
    cards.offer(addresses, KEY)
    return model_servers


@pytest.fixture
def restarted(model_servers: Servers) -> Iterator[Callable[[str], ModelServer]]:
    """Return a function that starts a model's server again, on the same port."""

    def again(name: str) -> ModelServer:
        server = model_servers[name]
        server.stop()
        server.launch()
        server.wait_until_ready(fleet.deadline())
        return server

    yield again
    for server in model_servers.values():
        if server.process is None or server.process.poll() is not None:
            server.launch()
            server.wait_until_ready(fleet.deadline())
