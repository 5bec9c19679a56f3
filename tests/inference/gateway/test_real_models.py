"""Models that really run, through the gateway, with the unmodified SDK."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import openai
import pytest

from embedded.modelservers.fleet import EMBEDDINGS, LANGUAGE, ModelServer
from inference.catalog.models import Deployment
from tests.fakes.servers import ROOT
from tests.inference.gateway.conftest import HELLO, Customer, recorded
from tests.model_servers import Servers

pytestmark = pytest.mark.xdist_group("models")


def test_the_readmes_snippet_streams_from_one_and_embeds_with_the_other(
    local_models: Servers, customer: Callable[..., Customer]
) -> None:
    ada = customer()
    readme = (ROOT / "README.md").read_text()
    found = re.search(r"```python\n(.*?)```", readme, re.DOTALL)
    assert found
    snippet = found[1].replace("http://127.0.0.1:8000/v1", ada.url)

    said = subprocess.run(
        [sys.executable, "-c", snippet],
        env={**os.environ, "DOORSTONE_API_KEY": ada.secret},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    written, _, dimensions = said.strip().rpartition("\n")
    assert len(written) > 20
    assert dimensions == "384"
    chat, embedding = recorded(2)
    assert (chat.model, chat.status, chat.is_estimated) == (LANGUAGE, "ok", False)
    assert chat.is_stream
    # A thousand of a million tokens cost ten and twenty millionths of a dollar.
    assert chat.price_nano == chat.tokens_in * 10 - chat.tokens_cached * 5 + (
        chat.tokens_out * 20
    )
    assert (embedding.model, embedding.is_estimated) == (EMBEDDINGS, False)
    # What the model read: three words, what marks a query, a beginning and an end.
    assert (embedding.tokens_in, embedding.tokens_out) == (8, 0)
    assert embedding.price_nano == 80


def test_both_are_named_to_clients_as_open_models(
    local_models: Servers, customer: Callable[..., Customer]
) -> None:
    ada = customer()

    listed = {model.id: model for model in ada.client.models.list()}

    assert {LANGUAGE, EMBEDDINGS} <= set(listed)
    assert listed[LANGUAGE].owned_by == "HuggingFaceTB"


def test_what_one_cannot_do_is_said_before_it_is_asked(
    local_models: Servers, customer: Callable[..., Customer]
) -> None:
    client = customer().client

    with pytest.raises(openai.BadRequestError) as chatted:
        client.chat.completions.create(model=EMBEDDINGS, messages=HELLO)
    with pytest.raises(openai.BadRequestError) as embedded:
        client.embeddings.create(model=LANGUAGE, input="x")
    with pytest.raises(openai.BadRequestError) as long:
        client.embeddings.create(model=EMBEDDINGS, input="word " * 600)

    codes = [refused.value.code for refused in (chatted, embedded, long)]
    assert codes == [
        "unsupported_capability",
        "unsupported_capability",
        "context_length_exceeded",
    ]


def test_completions_take_their_longest_answer_from_the_gateway(
    local_models: Servers, customer: Callable[..., Customer]
) -> None:
    answer = customer().client.completions.create(
        model=LANGUAGE, prompt="Once upon a time", max_tokens=5
    )

    assert answer.choices[0].text
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 5
    assert answer.choices[0].finish_reason == "length"


def test_leaving_a_stream_frees_the_model(
    local_models: Servers, customer: Callable[..., Customer]
) -> None:
    client = customer().client

    for _ in range(4):
        with client.chat.completions.create(
            model=LANGUAGE,
            messages=[{"role": "user", "content": "Count to a thousand."}],
            stream=True,
            max_tokens=1000,
        ) as stream:
            next(iter(stream))

    # With its two slots still taken, the answer would wait for a thousand tokens.
    began = time.monotonic()
    client.chat.completions.create(model=LANGUAGE, messages=HELLO, max_tokens=4)
    assert time.monotonic() - began < 10


def test_after_a_crash_the_gateway_reaches_it_again_by_itself(
    local_models: Servers,
    customer: Callable[..., Customer],
    restarted: Callable[[str], ModelServer],
) -> None:
    client = customer().client
    client.chat.completions.create(model=LANGUAGE, messages=HELLO, max_tokens=4)
    process = local_models[LANGUAGE].process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with pytest.raises(openai.InternalServerError):
        client.chat.completions.create(model=LANGUAGE, messages=HELLO)

    restarted(LANGUAGE)
    began = time.monotonic()
    answer = None
    while answer is None and time.monotonic() - began < 20:
        try:
            answer = client.chat.completions.create(
                model=LANGUAGE, messages=HELLO, max_tokens=4
            )
        except openai.InternalServerError:
            time.sleep(0.1)

    assert answer is not None
    assert time.monotonic() - began < 15


@pytest.mark.usefixtures("local_models")
def test_its_key_is_kept_encrypted() -> None:
    place = Deployment.objects.get(model__slug=LANGUAGE)

    assert place.credential
    assert "the-key-of-these-tests" not in place.credential
