"""Ranking and moderation at a price, and a clear word for what is not served."""

from collections.abc import Callable
from typing import Any

import openai
import pytest

from tests.fakes.upstream import Upstream, whole
from tests.inference.gateway.conftest import Customer, recorded

CANARY = "http://10.0.0.7:8000/v1"
RANKED = [
    {"index": 1, "relevance_score": 0.98, "document": {"text": "Paris is in France."}},
    {"index": 0, "relevance_score": 1e-05, "document": {"text": "Bread."}},
]
JUDGED = [
    {
        "flagged": True,
        "categories": {"violence": True},
        "category_scores": {"violence": 0.91},
    }
]
ASKED = {"model": "judge", "query": "Where is Paris?", "documents": ["Bread.", "Paris"]}


@pytest.fixture
def ada(customer: Callable[..., Customer]) -> Customer:
    return customer()


def test_documents_are_ranked_and_what_is_read_is_paid_for(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    upstream.scripts["up"] = whole(
        {
            "id": "rerank-up",
            "model": CANARY,
            "usage": {"total_tokens": 56},
            "results": RANKED,
        }
    )
    offer(upstream, "up", slug="judge", capabilities=["rerank"])

    answer = ada.post("/rerank", json={**ASKED, "top_n": 2})

    assert answer.status_code == 200
    told = answer.json()
    assert told["results"] == RANKED
    assert (told["model"], told["usage"]["total_tokens"]) == ("judge", 56)
    assert CANARY not in answer.text
    asked = upstream.requests[-1]
    assert asked["path"] == "/v1/rerank"
    assert asked["payload"] == {**ASKED, "model": "up", "top_n": 2}
    (row,) = recorded()
    assert (row.tokens_in, row.tokens_out, row.price_nano) == (56, 0, 56_000)
    assert not row.is_estimated


def test_without_usage_each_document_counts_with_its_query(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    upstream.scripts["judge"] = whole({"results": RANKED})
    offer(upstream, "judge", capabilities=["rerank"])

    ada.post("/rerank", json=ASKED)

    (row,) = recorded()
    # 15 and 6, 15 and 5 letters, at 3.5 to a token.
    assert (row.tokens_in, row.tokens_out, row.is_estimated) == (12, 0, True)


def test_a_text_is_judged_through_the_sdk(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    upstream.scripts["judge"] = whole({"id": "modr-up", "results": JUDGED})
    offer(upstream, "judge", capabilities=["moderation"])

    answer = ada.client.moderations.create(model="judge", input="I hurt you.")

    assert answer.results[0].flagged
    assert answer.model == "judge"
    assert answer.id != "modr-up"
    (row,) = recorded()
    assert (row.tokens_in, row.tokens_out) == (4, 0)


@pytest.mark.parametrize(
    ("road", "asked", "param"),
    [
        ("/rerank", {**ASKED, "query": ""}, "query"),
        ("/rerank", {**ASKED, "query": ["x"]}, "query"),
        ("/rerank", {**ASKED, "documents": []}, "documents"),
        ("/rerank", {**ASKED, "documents": ["x"] * 1001}, "documents"),
        ("/rerank", {**ASKED, "documents": ["x", 7]}, "documents[1]"),
        ("/rerank", {**ASKED, "top_n": 0}, "top_n"),
        ("/rerank", {**ASKED, "n_predict": 9}, "n_predict"),
        ("/moderations", {"model": "judge"}, "input"),
        ("/moderations", {"model": "judge", "input": [{"type": "text"}]}, "input"),
        ("/moderations", {"model": "judge", "input": "x"}, "model"),
        (
            "/chat/completions",
            {"model": "judge", "messages": [{"role": "user"}]},
            "model",
        ),
        ("/embeddings", {"model": "judge", "input": "x"}, "model"),
    ],
)
def test_what_is_wrong_is_named_and_reaches_nobody(
    ada: Customer,
    offer: Any,
    upstream: Upstream,
    road: str,
    asked: dict[str, Any],
    param: str,
) -> None:
    offer(upstream, "judge", capabilities=["rerank"])

    refused = ada.post(road, json=asked)

    assert refused.status_code == 400
    assert refused.json()["error"]["param"] == param
    assert upstream.requests == []


def test_a_document_that_is_too_long_is_told_so(
    ada: Customer, offer: Any, upstream: Upstream
) -> None:
    offer(
        upstream,
        "judge",
        capabilities=["rerank"],
        context_tokens=512,
        max_output_tokens=512,
    )

    refused = ada.post("/rerank", json={**ASKED, "documents": ["word " * 2000]})

    assert refused.json()["error"]["code"] == "context_length_exceeded"


def test_what_is_not_served_says_why_in_the_callers_words(ada: Customer) -> None:
    for ask in (
        lambda: ada.client.images.generate(model="x", prompt="A cat."),
        lambda: ada.client.audio.speech.create(model="x", input="Hi", voice="alloy"),
        lambda: ada.client.files.create(file=b"x" * 30_000_000, purpose="user_data"),
        lambda: ada.client.batches.list(),
    ):
        with pytest.raises(openai.NotFoundError) as caught:
            ask()
        assert caught.value.code == "not_served"

    theirs = ada.post("/files", headers={"anthropic-version": "2023-06-01"}).json()
    assert theirs["error"]["type"] == "not_found_error"
    assert "is not served here" in theirs["error"]["message"]
