"""``manage.py models``: a model is tried before a row is written."""

import io
import json
import re
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from core.crypto import decrypt
from embedded.modelservers import fleet
from embedded.modelservers.fleet import EMBEDDINGS, LANGUAGE
from embedded.modelservers.own import OwnModels
from embedded.supervisor import Supervisor
from inference.catalog.models import Deployment, Model
from inference.providers import gguf
from search.models import IndexEntry
from tests.factories.inference import offered_model
from tests.fakes.compatible import Compatible, running_compatible
from tests.fakes.servers import free_port
from tests.model_servers import KEY, Servers

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("models")]

PRICES = ["--price-in=1", "--price-out=2", "--cost-in=0.5", "--cost-out=1"]


def models(*arguments: str) -> str:
    out = io.StringIO()
    call_command("models", *arguments, stdout=out)
    return out.getvalue()


def add(server: Compatible, *arguments: str, kind: str = "vllm") -> str:
    with running_compatible(server):
        return models("add", kind, server.origin, *arguments)


def test_a_real_model_is_tried_and_written_as_a_draft(
    model_servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPSTREAM_KEY", KEY)
    url = model_servers[LANGUAGE].url

    said = models("add", "openai", url, "--key-env=UPSTREAM_KEY", *PRICES)

    model = Model.objects.get(slug=LANGUAGE)
    assert model.status == "draft"
    assert model.capabilities == ["chat", "streaming", "completions"]
    assert (model.context_tokens, model.max_output_tokens) == (2048, 1024)
    place = model.deployments.get()
    assert (place.base_url, place.upstream_model) == (url, LANGUAGE)
    assert decrypt(place.credential) == KEY
    assert KEY not in said
    price = model.prices.get()
    assert (price.price_in, price.cost_out) == (1_000_000_000, 1_000_000_000)
    assert f"manage.py models publish {LANGUAGE}" in said
    assert not Model.objects.offered().exists()
    assert not IndexEntry.objects.filter(kind="model").exists()


def test_a_real_model_that_embeds_is_offered_for_that(
    model_servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPSTREAM_KEY", KEY)

    models(
        *("add", "vllm", model_servers[EMBEDDINGS].url, "--name=e5", "--publish"),
        "--key-env=UPSTREAM_KEY",
    )

    model = Model.objects.offered().get()
    assert model.capabilities == ["embeddings"]
    assert model.context_tokens == 512
    assert not model.writes


def test_a_vllm_tells_its_context_and_costs_nothing_by_itself() -> None:
    listed = {"id": "Qwen/Qwen3-8B", "max_model_len": 40_960}

    add(Compatible(models=[listed]), "--publish", "--edition=premium")

    model = Model.objects.get(slug="Qwen/Qwen3-8B")
    assert model.context_tokens == 40_960
    assert model.edition == "premium"
    price = model.prices.get()
    assert (price.price_in, price.price_out, price.cost_in) == (0, 0, 0)


def test_an_ollama_tells_less_than_it_keeps() -> None:
    server = Compatible(
        models=[{"id": "qwen3:8b"}, {"id": "llama3"}], context=40_960, embeds=True
    )

    said = add(server, "--upstream=qwen3:8b", kind="ollama")

    model = Model.objects.get(slug="qwen3:8b")
    # Its own default, whatever the model could take.
    assert model.context_tokens == 4096
    assert "the model takes 40960" in said
    assert "embeddings" in model.capabilities
    assert model.deployments.get().base_url == f"{server.origin}/v1"


def test_the_context_can_be_said() -> None:
    add(Compatible(context=40_960), "--context=16000", kind="ollama")

    assert Model.objects.get(slug="tiny").context_tokens == 16_000


def test_what_is_missing_is_named_and_left_out() -> None:
    said = add(Compatible(tells_usage=False, streams=False))

    assert Model.objects.get(slug="tiny").capabilities == ["chat"]
    assert "It does not report what a call used" in said
    assert "It does not stream (501" in said
    assert "does not tell its context: 4096 tokens are taken" in said


def test_the_other_name_of_the_longest_answer_is_found_out() -> None:
    server = Compatible(limit="max_completion_tokens")

    add(server)

    place = Deployment.objects.get()
    assert place.options == {"max_tokens_field": "max_completion_tokens"}
    assert "max_completion_tokens" in server.asked[-1]
    assert "max_tokens" not in server.asked[-1]


@pytest.mark.parametrize(
    ("server", "arguments", "words"),
    [
        (Compatible(key="k"), [], "refused the key (401"),
        (Compatible(models=[]), [], "lists no model"),
        (Compatible(chats=False), [], "does nothing we can offer"),
        (Compatible(), ["--upstream=huge"], "lists no huge; it lists: tiny"),
        (
            Compatible(models=[{"id": "a"}, {"id": "b"}]),
            [],
            "the server lists: a, b. Choose one with --upstream",
        ),
        (Compatible(), ["--name=a b"], "A model's name has"),
        (Compatible(), ["--context=-1"], "above 0"),
        (Compatible(), ["--price-in=dear"], "A price is a number"),
        (Compatible(), ["--price-in=-1"], "A price is a number"),
        (Compatible(), ["--price-in=NaN"], "A price is a number"),
        (Compatible(), ["--key-env=NOT_SET_ANYWHERE"], "no variable NOT_SET_ANYWHERE"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_offered_is_one_sentence_and_no_row(
    server: Compatible, arguments: list[str], words: str
) -> None:
    with pytest.raises(CommandError, match=re.escape(words)):
        add(server, *arguments)

    assert not Model.objects.exists()


def test_a_server_that_is_away_is_named_with_its_cure() -> None:
    with pytest.raises(
        CommandError, match=r"Nothing answers at http://127\.0\.0\.1:9/v1"
    ):
        models("add", "vllm", "127.0.0.1:9")


def test_a_vendors_model_is_not_free_by_accident() -> None:
    with pytest.raises(CommandError, match="Say what its tokens sell for"):
        add(Compatible(), kind="openai")

    assert not Model.objects.exists()


def test_a_name_in_use_is_not_taken_over() -> None:
    before = offered_model("tiny").deployments.get().pk

    with pytest.raises(CommandError, match="There is a model tiny already"):
        add(Compatible())

    assert Deployment.objects.get().pk == before


def test_a_draft_is_published_and_a_model_removed_and_added_again() -> None:
    add(Compatible())
    models("publish", "tiny")
    assert Model.objects.offered().get().slug == "tiny"
    assert IndexEntry.objects.filter(kind="model").exists()

    said = models("remove", "tiny")
    model = Model.objects.get()
    assert model.status == "retired"
    assert not Deployment.objects.exists()
    assert model.prices.count() == 1
    assert not IndexEntry.objects.filter(kind="model").exists()
    assert "what was used stay" in said
    with pytest.raises(CommandError, match="runs nowhere"):
        models("publish", "tiny")

    add(Compatible(), "--publish")
    assert Model.objects.offered().get().pk == model.pk


def test_the_list_says_what_costs_what_and_runs_where() -> None:
    add(Compatible(port=free_port()), *PRICES)
    offered_model("elsewhere")

    said = models("list")

    assert "tiny: open, draft, $1 in, $2 out" in said
    assert "docs_assistant in this product" in said


@pytest.fixture
def own(settings: Any, tmp_path: Path) -> Any:
    """What serves wanted files, as ``make run`` does, with a hand to turn it."""
    settings.VAR_DIR = tmp_path
    folder = tmp_path / "models"
    supervisor = Supervisor()
    serving = OwnModels(supervisor, folder, KEY, free_port)
    yield serving
    supervisor.stop()


@pytest.fixture
def turned(own: OwnModels, monkeypatch: pytest.MonkeyPatch) -> OwnModels:
    """The same, looking again whenever the command waits."""

    def sleep(_seconds: float) -> None:
        own.follow()

    monkeypatch.setattr(time, "sleep", sleep)
    return own


def test_a_file_is_served_tried_and_written(turned: OwnModels) -> None:
    said = models("add", "gguf", str(fleet.weights()), "--name=mine", "--context=1024")

    model = Model.objects.get(slug="mine")
    place = model.deployments.get()
    assert place.base_url == turned.servers["mine"].url
    assert place.options == {"served_here": True}
    assert decrypt(place.credential) == KEY
    assert model.context_tokens == 1024
    assert "It streams." in said
    assert gguf.wanted()["mine"].context == 1024

    models("remove", "mine")
    turned.follow()
    assert turned.servers == {}
    assert gguf.wanted() == {}
    assert turned.supervisor.watched == []


def test_a_file_that_cannot_be_loaded_is_wanted_no_more(
    turned: OwnModels, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + b"\0" * 100)

    with pytest.raises(CommandError, match="could not be loaded"):
        models("add", "gguf", str(broken))

    assert gguf.wanted() == {}
    assert not Model.objects.exists()
    turned.follow()
    assert turned.told == {}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.write_bytes(b"PK\3\4"), "is no GGUF file"),
        (lambda path: None, "cannot be read: No such file"),
    ],
    ids=["zip", "none"],
)
def test_what_is_no_model_is_refused_before_it_is_wanted(
    own: OwnModels, tmp_path: Path, make: Callable[[Path], Any], words: str
) -> None:
    path = tmp_path / "model.gguf"
    make(path)

    with pytest.raises(CommandError, match=words):
        models("add", "gguf", str(path))

    assert gguf.wanted() == {}


def test_without_make_run_a_file_is_served_by_nobody(
    settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.VAR_DIR = tmp_path
    monkeypatch.setattr(
        gguf, "wait_until_served", partial(gguf.wait_until_served, noticed=0.1)
    )

    with pytest.raises(CommandError, match="start `make run`"):
        models("add", "gguf", str(fleet.weights()))

    assert gguf.wanted() == {}


def test_a_file_larger_than_the_machine_is_refused(
    turned: OwnModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "machine_memory", lambda: 1_000_000)

    with pytest.raises(CommandError, match="more than this machine's memory"):
        models("add", "gguf", str(fleet.weights()))

    assert gguf.wanted() == {}


def test_both_files_are_their_owners_only(own: OwnModels) -> None:
    gguf.want("mine", gguf.Wanted(path=str(fleet.weights()), context=512))
    own.follow()

    for name in ("wanted.json", "serving.json"):
        assert (own.folder / name).stat().st_mode & 0o077 == 0
    assert json.loads((own.folder / "serving.json").read_text())["mine"]["key"] == KEY
