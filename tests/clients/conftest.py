"""The gateway's fixtures, and the table that a run ends with."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.servers import ROOT
from tests.inference.gateway.conftest import (  # noqa: F401
    customer,
    gateway,
    gateway_process,
    offer,
    upstream,
)

PLACE = ROOT / "var" / "clients"
Row = tuple[str, str, str, str]


@pytest.fixture(scope="session")
def table() -> Iterator[list[Row]]:
    """Rows of upstream, client, protocol and checks, written down at the end."""
    rows: list[Row] = []
    yield rows
    lines = ["| Upstream | Client | Protocol | Checks |", "|---|---|---|---|"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    path = Path(PLACE / "table.md")
    path.write_text("\n".join(lines) + "\n")
