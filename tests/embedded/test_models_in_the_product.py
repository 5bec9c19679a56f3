"""The small models in what ``make run`` starts: they die, come back, stay small."""

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import openai
import pytest
from openai import OpenAI

from embedded.modelservers.fleet import EMBEDDINGS, LANGUAGE, weights
from embedded.modelservers.guard import resident_mb
from tests.browser.stack import Stack, running_stack
from tests.fakes.servers import passable_folder

pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("models")]

PERSON = "ada@models.test"
MAKE_PERSON = f"""
from accounts.services import create_user
create_user("{PERSON}", "ada-models", "a long and odd sentence")
"""
RECOVERY = 8
MEMORY_MB = 450


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with passable_folder() as folder, running_stack(folder, MODELS="1") as running:
        running.manage("shell", "-c", MAKE_PERSON)
        yield running


@pytest.fixture(scope="module")
def client(stack: Stack) -> Iterator[OpenAI]:
    secret = stack.manage("create_api_key", PERSON, "--name", "Models").split()[-1]
    # The free plan allows twenty requests a minute; this is about the servers.
    stack.manage("shell", "-c", UNLIMITED)
    made = OpenAI(base_url=f"{stack.site}/v1", api_key=secret, max_retries=0)
    yield made
    made.close()


UNLIMITED = """
from accounts.models import User
from accounts.queries import personal_organisation
from entitlements import services
from entitlements.features import Features
organisation = personal_organisation(User.objects.get(username="ada-models"))
features = Features(plan="pro", premium_models=True, requests_per_minute=100_000)
services.replace_for(organisation.pk, features, source="test")
"""


def say(client: OpenAI, prompt: str = "Say hello.") -> str:
    answer = client.chat.completions.create(
        model=LANGUAGE,
        messages=[{"role": "user", "content": prompt}],
        max_tokens=4,
    )
    return answer.choices[0].message.content or ""


def processes(stack: Stack) -> dict[str, int]:
    """Return the process of each model's server, by its module's name."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (entry / "cmdline").read_bytes().decode()
            parent = re.search(r"PPid:\s+(\d+)", (entry / "status").read_text())
            module = re.search(r"modelservers\.(\w+)", command)
            if module and parent and int(parent[1]) == stack.process.pid:
                found[module[1]] = int(entry.name)
    return found


@pytest.mark.parametrize(
    "number", [pytest.param(signal.SIGKILL, marks=pytest.mark.smoke), signal.SIGSTOP]
)
def test_a_model_that_dies_or_stands_still_serves_again_by_itself(
    stack: Stack, client: OpenAI, number: signal.Signals
) -> None:
    say(client)
    before = processes(stack)["language"]

    os.kill(before, number)
    began = time.monotonic()
    answer = ""
    while not answer and time.monotonic() - began < 60:
        with suppress(openai.APIError):
            answer = say(client.with_options(timeout=2))
        time.sleep(0.1)
    took = time.monotonic() - began

    assert processes(stack)["language"] != before
    assert not Path(f"/proc/{before}").exists()
    assert stack.process.poll() is None
    # One that stands still is given four seconds to answer before it is killed.
    assert took <= (RECOVERY if number == signal.SIGKILL else RECOVERY + 5)


@pytest.mark.smoke
def test_both_models_stay_small_as_they_are_called(
    stack: Stack, client: OpenAI
) -> None:
    """After forty calls; ``make bench`` makes a thousand, for ten minutes."""
    for number in range(20):
        prompt = f"{number} of 20: say a word. " * (1 + number % 20)
        say(client, prompt)
        client.embeddings.create(model=EMBEDDINGS, input=prompt[:200])

    used = sum(map(resident_mb, processes(stack).values()))
    assert len(processes(stack)) == 2
    assert used <= MEMORY_MB


@pytest.mark.smoke
def test_a_file_of_ones_own_is_served_from_now_on(stack: Stack, client: OpenAI) -> None:
    stack.manage("models", "add", "gguf", str(weights()), "--name=mine", "--publish")

    answer = client.chat.completions.create(
        model="mine", messages=[{"role": "user", "content": "Hello"}], max_tokens=4
    )
    said = stack.manage("models", "list")
    stack.manage("models", "remove", "mine")

    assert answer.choices[0].message.content
    assert "mine: open, active, $0 in" in said
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(
            model="mine", messages=[{"role": "user", "content": "Hello"}]
        )


def test_a_start_without_models_offers_none_and_the_next_one_does_again() -> None:
    def listed(stack: Stack) -> bool:
        return f"{LANGUAGE}: open, active" in stack.manage("models", "list")

    with passable_folder() as folder:
        with running_stack(folder, MODELS="1") as with_models:
            assert "not served now" not in with_models.manage("models", "list")
        with running_stack(folder, MODELS="0") as without:
            assert "not served now" in without.manage("models", "list")
            doctor = without.manage("doctor")
        with running_stack(folder, MODELS="1") as again:
            assert listed(again)
            assert "not served now" not in again.manage("models", "list")

    assert f"{LANGUAGE} is not served now" in doctor
