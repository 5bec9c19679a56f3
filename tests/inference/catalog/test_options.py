"""What a deployment needs beside its address is named once, and can be chosen."""

import re
from typing import Any

import pytest

from inference.catalog import options
from inference.catalog.exceptions import InvalidModel
from inference.catalog.models import Deployment
from inference.catalog.publishing import check_deployment
from inference.offering.forms import CAPABILITIES, DeploymentForm
from inference.protocol import capabilities
from tests.fakes.servers import ROOT

READ = re.compile(
    r'\.options(?:\.get\(\s*"(\w+)"|\["(\w+)"\])|options__(?!contains)(\w+)=|SERVED_HERE'
)


def read_names() -> set[str]:
    """Return every option that code of the area reads or writes by its name."""
    found = set()
    for path in (ROOT / "inference").rglob("*.py"):
        if "management" in path.parts:
            continue
        for match in READ.finditer(path.read_text()):
            found.add(next(filter(None, match.groups()), "served_here"))
    return found


def test_every_option_that_code_reads_is_named_and_every_name_is_read() -> None:
    assert read_names() == {*options.chosen({}), *options.OWN}


def test_every_option_that_can_be_chosen_is_chosen_in_the_browser() -> None:
    assert set(options.chosen({})) <= set(DeploymentForm.base_fields)


def test_whatever_a_call_can_need_of_a_model_can_be_said_of_one() -> None:
    needed = capabilities.READS | {*capabilities._PARTS.values()} - {"image"}

    assert needed <= set(CAPABILITIES)


def test_what_goes_without_saying_is_not_kept() -> None:
    before = {"served_here": True, "key_header": "x-api-key", "speaks": ["messages"]}

    after = options.merged(before, {**options.chosen({}), "accepts": ["ignore_eos"]})

    assert after == {"served_here": True, "accepts": ["ignore_eos"]}
    assert options.chosen(after)["key_header"] == "authorization"


@pytest.mark.parametrize(
    "wrong",
    [
        {"key_headers": "x-api-key"},
        {"key_header": "api-key"},
        {"key_header": ["x-api-key"]},
        {"speaks": "messages"},
        {"speaks": ["chat"]},
        {"speaks": [["messages"]]},
        {"accepts": [1]},
        {"sums": True},
        {"affinity": None},
    ],
)
def test_an_option_that_would_do_nothing_is_refused(wrong: dict[str, Any]) -> None:
    place = Deployment(
        provider="openai", base_url="http://127.0.0.1:8000/v1", options=wrong
    )

    with pytest.raises(InvalidModel, match=next(iter(wrong))) as refused:
        check_deployment(place)

    assert refused.value.details["field"] == "options"
