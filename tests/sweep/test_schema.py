"""The REST API against its own description: what fits it, and what breaks it."""

import contextlib
import json
import warnings
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode, openapi

from operations.schema import describe
from tests.sweep.world import Address, Sweep, forget_limits

pytestmark = [pytest.mark.sweep, pytest.mark.django_db]

SCHEMA = describe()
OPERATIONS = [
    (method.upper(), path)
    for path, operations in SCHEMA["paths"].items()
    for method in operations
]
EXAMPLES = 15


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_nothing_that_fits_or_breaks_the_description_is_an_error(
    mode: GenerationMode,
    addresses: list[Address],
    client_of: Callable[[str], Client],
) -> None:
    sweep = Sweep(client_of("owner"))

    for method, path in OPERATIONS:
        try_out(sweep, mode, method, path, addresses)

    assert not sweep.faults, "\n".join(sweep.faults)
    assert sweep.count > 5 * len(OPERATIONS)


def try_out(
    sweep: Sweep,
    mode: GenerationMode,
    method: str,
    path: str,
    addresses: list[Address],
) -> None:
    """Send an operation what was made from its description."""
    operation = openapi.from_dict(SCHEMA)[path][method]
    head, tail = path.partition("{")[0], path.rpartition("}")[2]
    known = next(
        address.url
        for address in addresses
        if address.url.startswith(head) and address.url.endswith(tail)
    )

    with warnings.catch_warnings():
        # A parameter that nothing can break says so, once for each operation.
        warnings.simplefilter("ignore")
        cases: Any = operation.as_strategy(generation_mode=mode)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, is_there=st.booleans())
    def send(case: Any, is_there: bool) -> None:
        forget_limits()
        values = {
            name: quote(str(value), safe="")
            for name, value in (case.path_parameters or {}).items()
        }
        # Half of them under an address that leads somewhere, or none gets past it.
        url = known if is_there or not values else path.format(**values)
        query = urlencode(case.query or {}, doseq=True)
        sent: dict[str, Any] = {}
        if case.media_type is not None:
            sent = {"data": _written(case.body), "content_type": "application/json"}
        why = repr(case.body)[:80]
        sweep.send(method, f"{url}?{query}" if query else url, why, **sent)

    with contextlib.suppress(Unsatisfiable):
        # Where nothing is taken, nothing can be broken.
        send()


def _written(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body, default=str).encode()
