"""Unmodified clients, in environments of their own, against a gateway.

Before a scripted upstream each does all it can in every protocol it speaks; before a
real small model, which calls no tools, it asks plainly and by a stream.
"""

import json
import os
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from embedded.modelservers.fleet import LANGUAGE
from entitlements.features import Features
from tests.clients.conftest import PLACE, Row
from tests.fakes.upstream import Upstream
from tests.inference.gateway.conftest import HELLO, Customer
from tests.model_servers import Servers

pytestmark = [pytest.mark.clients, pytest.mark.xdist_group("models")]
PROGRAMS = Path(__file__).parent / "programs"
NODE = PLACE / "node"
PYTHON = {"instructor_python.py": "instructor"}
# A client that hangs is as wrong as one that fails; the slowest takes half of it.
LONGEST_SECONDS = 180
FREE = Features(requests_per_minute=600, tokens_per_minute=10_000_000)
PROGRAM_NAMES = sorted(
    path.name for path in PROGRAMS.glob("*_*.*") if path.suffix in {".py", ".mjs"}
)


def run(
    program: str, ada: Customer, limited: Customer, model: str, *, is_real: bool
) -> list[dict[str, str]]:
    """Run one program and return what its checks said."""
    environment = {
        "BASE_URL": ada.url,
        "KEY": ada.secret,
        "LIMITED_KEY": limited.secret,
        "MODEL": model,
        "PREMIUM": "premium",
        "IS_REAL": "1" if is_real else "0",
        "HOME": str(PLACE),
        "PATH": os.environ["PATH"],
        # LiteLLM would ask for its list of prices, which nobody needs here.
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }
    if program.endswith(".mjs"):
        for path in PROGRAMS.glob("*.mjs"):
            shutil.copy(path, NODE / path.name)
        node = PLACE / "newest" / "bin" / "node"
        command = [str(node), str(NODE / program)]
    else:
        python = PLACE / PYTHON.get(program, "newest") / "bin" / "python"
        command = [str(python), "-W", "ignore", str(PROGRAMS / program)]
    ended = subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
    lines = (line for line in ended.stdout.splitlines() if line.startswith("{"))
    return [json.loads(line) for line in lines]


def note(
    table: list[Row], upstream: str, program: str, said: list[dict[str, str]]
) -> list[str]:
    """Put what was said into the table; return what failed."""
    told: dict[str, list[str]] = defaultdict(list)
    for each in said:
        is_ok = each["told"] == "ok"
        told[each["protocol"]].append(each["check"] if is_ok else f"✗{each['check']}")
    client = program.partition(".")[0].replace("_", " ")
    table += [(upstream, client, name, ", ".join(all_)) for name, all_ in told.items()]
    return [
        f"{each['protocol']} {each['check']}: {each['told']}"
        for each in said
        if each["told"] != "ok"
    ]


@pytest.fixture
def limited(customer: Callable[..., Customer], offer: Any, upstream: Upstream) -> Any:
    """Return somebody who has used up this minute's only request."""
    offer(upstream, "agent")
    offer(upstream, "premium", edition="premium")
    eve = customer("eve", features=Features(requests_per_minute=1))
    eve.client.chat.completions.create(model="agent", messages=HELLO)
    return eve


@pytest.mark.parametrize("program", PROGRAM_NAMES)
def test_a_client_does_all_it_can_before_a_scripted_upstream(
    program: str,
    customer: Callable[..., Customer],
    limited: Customer,
    table: list[Row],
) -> None:
    ada = customer(features=FREE)

    said = run(program, ada, limited, "agent", is_real=False)

    assert said
    assert note(table, "scripted", program, said) == []


@pytest.mark.parametrize("program", PROGRAM_NAMES)
def test_a_client_talks_to_a_real_model(
    program: str,
    customer: Callable[..., Customer],
    local_models: Servers,
    table: list[Row],
) -> None:
    ada = customer(features=FREE)

    said = run(program, ada, ada, LANGUAGE, is_real=True)

    assert said or program.startswith("instructor")
    assert note(table, "SmolLM2", program, said) == []
