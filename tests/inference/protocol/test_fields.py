"""Which fields reach a model's server, and what is always sent to it."""

import random
from typing import Any

import orjson
import pytest

from inference.directory.offers import OfferedModel
from inference.gateway.eligibility import bounds_of
from inference.protocol import requests
from inference.protocol.capabilities import check_capabilities
from inference.protocol.errors import APIError
from inference.protocol.estimates import TextSize
from inference.protocol.fields import KNOWN, NEVER, refuse_unknown
from inference.protocol.metering import meter
from inference.providers.wire import sent

CHAT = "chat/completions"
EMPTY: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    "name",
    [
        *("n_predict", "num_predict", "max_new_tokens", "max_output_tokens"),
        *("api_base", "base_url", "api_key", "model_list", "fallbacks", "headers"),
        *("min_tokens", "ignore_eos", "use_beam_search", "best_of", "service_tier"),
        *("prediction", "web_search_options", "priority", "id_slot", "lora"),
        *("kv_transfer_params", "logits_processors", "chat_template", "x" * 500, ""),
        *("N_PREDICT", "max_tokens ", "options"),
    ],
)
def test_a_field_that_could_change_what_is_spent_is_refused_by_name(name: str) -> None:
    with pytest.raises(APIError) as refused:
        refuse_unknown(CHAT, {"model": "m", "messages": [], name: 5}, EMPTY)

    assert (refused.value.status, refused.value.param) == (400, name[:100])
    assert f"`{name[:100]}`" in refused.value.message


@pytest.mark.parametrize(
    "name",
    [
        *("top_k", "min_p", "repetition_penalty", "guided_json", "stop_token_ids"),
        *("tools", "tool_choice", "response_format", "reasoning_effort", "seed"),
        *("logit_bias", "top_logprobs", "chat_template_kwargs", "metadata"),
    ],
)
def test_fields_that_sample_or_guide_pass(name: str) -> None:
    refuse_unknown(CHAT, {"model": "m", name: 5}, EMPTY)


def test_a_deployment_takes_fields_of_its_own_but_never_another_limit() -> None:
    accepted = frozenset({"ignore_eos", *NEVER})

    refuse_unknown(CHAT, {"ignore_eos": True}, accepted)
    for name in NEVER:
        with pytest.raises(APIError):
            refuse_unknown(CHAT, {name: 1}, accepted)
    assert not any(known & NEVER for known in KNOWN.values())


def test_answers_are_not_stored_elsewhere() -> None:
    refuse_unknown(CHAT, {"store": False}, EMPTY)
    with pytest.raises(APIError) as refused:
        refuse_unknown(CHAT, {"store": True}, EMPTY)
    assert refused.value.param == "store"


def test_one_longest_answer_is_sent_whatever_was_asked() -> None:
    asked: dict[str, Any] = {"max_tokens": 9, "max_completion_tokens": 7, "x": 1}

    whole = sent(asked, most_out=5, name="max_tokens", is_stream=False)
    other = sent(asked, most_out=5, name="max_completion_tokens", is_stream=False)
    none = sent({"input": "x"}, most_out=0, name="max_tokens", is_stream=False)

    assert whole == {"x": 1, "max_tokens": 5}
    assert other == {"x": 1, "max_completion_tokens": 5}
    assert none == {"input": "x"}


def test_a_stream_is_asked_for_its_usage_and_nothing_unknown() -> None:
    options = {"include_usage": False, "continuous_usage_stats": True, "evil": 1}

    fields = sent(
        {"stream": True, "stream_options": options},
        most_out=5,
        name="max_tokens",
        is_stream=True,
    )

    assert fields["stream_options"] == {
        "continuous_usage_stats": True,
        "include_usage": True,
    }


def image(kind: str = "image_url") -> dict[str, Any]:
    text = {"type": "text", "text": "?"}
    parts = [text, {"type": kind, kind: {"url": "data:,"}}]
    return {"messages": [{"role": "user", "content": parts}]}


@pytest.mark.parametrize(
    ("payload", "need", "where"),
    [
        (image(), "vision", "messages[0].content[1]"),
        (image("input_audio"), "audio", "messages[0].content[1]"),
        (image("file"), "files", "messages[0].content[1]"),
        (image("hologram"), "hologram", "messages[0].content[1]"),
        ({"modalities": ["text", "audio"]}, "audio", "modalities"),
        ({"audio": {"voice": "x"}}, "audio", "audio"),
    ],
)
def test_what_a_model_cannot_take_is_refused_by_its_place(
    payload: dict[str, Any], need: str, where: str
) -> None:
    able = frozenset({"chat"})
    with pytest.raises(APIError) as refused:
        check_capabilities(CHAT, payload, model="m", able=able)

    assert (refused.value.status, refused.value.param) == (400, where)
    assert f"`{need}`" in refused.value.message
    check_capabilities(CHAT, payload, model="m", able=able | {need})


def test_embeddings_and_answers_are_of_different_models() -> None:
    embeds, chats = frozenset({"embeddings"}), frozenset({"chat"})

    check_capabilities("embeddings", {}, model="m", able=embeds)
    check_capabilities("embeddings", {}, model="m", able=EMPTY)
    check_capabilities("completions", {}, model="m", able=chats)
    for endpoint, able in (("embeddings", chats), (CHAT, embeds)):
        with pytest.raises(APIError):
            check_capabilities(endpoint, {}, model="m", able=able)


MODEL = OfferedModel(
    slug="m",
    edition="open",
    owned_by="us",
    created=1,
    context_tokens=2_000,
    max_output_tokens=500,
    default_output_tokens=50,
    bytes_per_token=3.5,
    price_version_id=1,
    price=(1_000_000, 500_000, 4_000_000),
    cost=(1, 1, 1),
    deployments=(),
)
VALUES: list[Any] = [0, 1, 7, 300, 9_999, 2**31, -1, 2.5, "5", True, None, [], {}, [3]]
PROMPTS: list[Any] = [
    "hi",
    ["a"] * 40,
    [1, 2, 3],
    [[1, 2], [3]],
    "数字" * 99,
    "1 " * 200,
]


def test_no_generated_request_can_spend_more_than_it_holds_beside_its_prompt() -> None:
    dice = random.Random(7)  # noqa: S311 - the same requests each time
    names = [*sorted(KNOWN["completions"] - {"model", "prompt", "stream"}), *NEVER, "x"]
    admitted = 0
    for _ in range(4_000):
        payload = {"model": "m", "prompt": dice.choice(PROMPTS)}
        payload |= {
            name: dice.choice(VALUES) for name in dice.sample(names, dice.randint(0, 3))
        }
        try:
            call = requests.parse("completions", orjson.dumps(payload))
            refuse_unknown(call.endpoint, call.payload, EMPTY)
            bounds, most_out, _ = bounds_of(call, MODEL)
        except APIError:
            continue
        admitted += 1
        fields = sent(payload, most_out=most_out, name="max_tokens", is_stream=False)
        # One limit, ours, and no field that could be another.
        assert fields["max_tokens"] == most_out <= MODEL.max_output_tokens
        assert not NEVER & fields.keys()
        assert "max_completion_tokens" not in fields
        held = MODEL.price_of(bounds.estimated_in, 0, bounds.most_out)
        tolerance = MODEL.price_of(bounds.most_in - bounds.estimated_in, 0, 0)
        for told in VALUES:
            usage = {"prompt_tokens": told, "completion_tokens": dice.choice(VALUES)}
            used = meter(usage, TextSize(plain=10**6, texts=1), bounds)
            price = MODEL.price_of(used.prompt, used.cached, used.completion)
            assert price <= held + tolerance
        answers = max(payload.get("n") or 1, payload.get("best_of") or 1)
        assert bounds.most_out >= most_out * answers * bounds.prompts
    assert admitted > 1_000
