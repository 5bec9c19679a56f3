"""Whose fault a failure is, and what the caller is told: a table of shapes."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from inference.catalog.models import Deployment
from inference.providers.base import UpstreamFailed
from inference.routing.faults import Blame, Verdict, judge, read_error
from inference.routing.redaction import LONGEST, redact

PLACE = Deployment(
    pk=1,
    provider="openai",
    base_url="http://inner:8000/v1",
    upstream_model="secret-internal-name",
)
MODEL: Any = SimpleNamespace(slug="public", context_tokens=8000)
CANARIES = (
    *("http://10.0.0.7:8000/v1", "https://gpu-3.corp.internal/v1", "10.0.0.7:8000"),
    *("gpu-3.corp.internal", "inner:8000", "localhost", "[fd00::7]:8000"),
    *("sk-upstreamsecret", "hf_aBcDeF123456", "Bearer abc.def", "AKIAABCDEFGHIJKLMNOP"),
    *(
        "eyJhbGciOiJIUzI1NiJ9.e30.x",
        "/srv/models/llama/weights.bin",
        "vault-password-9",
    ),
    *("secret-internal-name", "9f86d081884c7d659a2feaa0c55ad015"),
    *("inner", "ip-10-0-0-7", "ops@acme.solutions", "api.acme.tech/v1"),
    *(
        "http%3A%2F%2F10.0.0.7",
        "arn:aws:bedrock:us-east-1:123456789012:x",
        "gpu-7.prod",
    ),
)


def judged(status: int, body: Any = b"", **fields: Any) -> Verdict:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return judge(
        UpstreamFailed(status, body=raw, **fields),
        deployment=PLACE,
        model=MODEL,
        fields=frozenset({"messages", "temperature"}),
        hidden=("vault-password-9",),
    )


def error(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, **more}}


def flat(message: str, **more: Any) -> dict[str, Any]:
    return {"object": "error", "message": message, **more}


CONTEXT = (400, "context_length_exceeded", Blame.CALLER)
POLICY = (400, "content_policy_violation", Blame.CALLER)
AUTH = (502, "upstream_auth", Blame.OURS)
LOST = (502, "upstream_error", Blame.OURS)
DOWN = (502, "upstream_error", Blame.SERVER)
BUSY = (429, "upstream_rate_limited", Blame.BUSY)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        # OpenAI, vLLM old and new, llama.cpp, SGLang, Ollama, TGI, FastAPI.
        (
            400,
            error("bad value", type="x", code="invalid_value"),
            (400, "invalid_value", Blame.CALLER),
        ),
        (
            400,
            error("bad", code=400, type="BadRequestError"),
            (400, None, Blame.CALLER),
        ),
        (
            400,
            flat("bad", code=40303, type="BadRequestError"),
            (400, None, Blame.CALLER),
        ),
        (400, {"detail": "bad"}, (400, None, Blame.CALLER)),
        (
            422,
            {
                "detail": [
                    {"loc": ["body", "top_p"], "msg": "too big", "input": "private"}
                ]
            },
            (400, None, Blame.CALLER),
        ),
        (422, {"error": "bad", "error_type": "validation"}, (400, None, Blame.CALLER)),
        (400, [error("bad")], (400, None, Blame.CALLER)),
        (400, b"bad", (400, None, Blame.CALLER)),
        (400, b"<html>bad gateway</html>", (400, None, Blame.CALLER)),
        (400, b"", (400, None, Blame.CALLER)),
        (400, error("x", type="exceed_context_size_error", code=400), CONTEXT),
        (
            500,
            error("the request exceeds the available context size", code=500),
            CONTEXT,
        ),
        (400, flat("This model's maximum context length is 2048 tokens."), CONTEXT),
        (
            400,
            error("prompt is too long: 9 tokens > 8", type="invalid_request_error"),
            CONTEXT,
        ),
        (413, error("context length exceeded"), CONTEXT),
        (413, b"", (413, "request_too_large", Blame.CALLER)),
        (
            403,
            error("Input was flagged", code=403, metadata={"reasons": ["x"]}),
            POLICY,
        ),
        (400, error("filtered", code="content_filter"), POLICY),
        (400, error("x", code="data_inspection_failed"), POLICY),
        (403, error("内容违规"), POLICY),
        (451, b"", POLICY),
        (
            501,
            error("This server does not support embeddings"),
            (400, "unsupported_capability", Blame.CALLER),
        ),
        (
            500,
            error("image input is not supported", code=500),
            (400, "unsupported_capability", Blame.CALLER),
        ),
        # A dead key, an empty account, a wrong address, a model that is not there.
        (401, error("Incorrect API key provided: sk-x"), AUTH),
        (402, error("Insufficient credits"), AUTH),
        (403, error("Your key lacks permission"), AUTH),
        (403, b"", AUTH),
        (
            404,
            error(
                "The model `secret-internal-name` does not exist",
                code="model_not_found",
            ),
            LOST,
        ),
        (404, b"404 page not found", LOST),
        (405, b"", LOST),
        # The same with the status of a caller's mistake: Gemini, OpenRouter, Groq.
        (400, [error("API key not valid. Please pass a valid API key.")], LOST),
        (400, error("x", code="invalid_api_key"), LOST),
        (400, error("secret-internal-name is not a valid model ID"), LOST),
        (400, error("The model `x` has been decommissioned", code="y"), LOST),
        (400, error("Model not found: secret-internal-name"), LOST),
        (400, error("x", code="billing_hard_limit_reached"), LOST),
        (400, error("Invalid model: secret-internal-name"), LOST),
        (400, error("Invalid model parameters"), (400, None, Blame.CALLER)),
        (400, error("Model not exist."), LOST),
        (
            400,
            error("The model wrote a call of a tool that was not found"),
            (400, None, Blame.CALLER),
        ),
        (400, error("模型调用的工具不存在"), (400, None, Blame.CALLER)),
        (400, error("模型 secret-internal-name 不存在"), LOST),
        # A server's own waits and locks are no affair of staff.
        *((status, b"", DOWN) for status in (408, 409, 424, 425, 498, 499)),
        (302, b"", LOST),
        (429, error("slow down"), BUSY),
        (
            429,
            error("Request too large for gpt-x: Limit 9, Requested 99"),
            (429, "upstream_rate_limited", Blame.CALLER),
        ),
        (500, error("CUDA error"), DOWN),
        (500, b"<html></html>", DOWN),
        (502, b"", DOWN),
        (
            503,
            error("Loading model", code=503),
            (503, "upstream_unavailable", Blame.SERVER),
        ),
        (529, b"", (503, "upstream_unavailable", Blame.SERVER)),
        (504, b"", (504, "upstream_timeout", Blame.SERVER)),
        # Errors in a 200, by what they say.
        (200, error("engine died"), DOWN),
        (200, error("bad", code=400), (400, None, Blame.CALLER)),
        (200, error("bad", type="invalid_request_error"), (400, None, Blame.CALLER)),
        (
            200,
            error("slow", type="rate_limit_error"),
            BUSY,
        ),
        (200, error("no key", code="401"), AUTH),
        (
            200,
            error("busy", type="overloaded_error"),
            (503, "upstream_unavailable", Blame.SERVER),
        ),
        (200, flat("maximum context length is 9"), CONTEXT),
        # Its neighbours say no more than it does.
        (201, error("slow", type="rate_limit_error"), BUSY),
        (202, flat("maximum context length is 9"), CONTEXT),
        *((status, b"", DOWN) for status in (201, 202, 204, 206, 299)),
        (0, b"", DOWN),
    ],
)
def test_each_shape_of_error_has_one_meaning(
    status: int, body: Any, expected: tuple[int, str | None, Blame]
) -> None:
    verdict = judged(status, body)

    assert (verdict.error.status, verdict.error.code, verdict.blame) == expected
    assert verdict.error.message
    assert "private" not in verdict.error.message + verdict.original


@pytest.mark.parametrize("canary", CANARIES)
@pytest.mark.parametrize(
    "status", [*range(400, 430), 451, 500, 501, 502, 503, 504, 200]
)
def test_no_address_and_no_secret_reaches_the_caller(canary: str, status: int) -> None:
    # In Chinese no space stands around it.
    text = f"Your `temperature` is wrong, says {canary}, see {canary}，地址是{canary}的"
    every = {"message": text, "type": text, "param": canary, "code": canary}
    for body in (
        {"error": {**every, "metadata": {"raw": text}}},
        {"error": text},
        flat(text, type=canary, param=canary, code=canary),
        {"detail": text},
        {"detail": [{"loc": ["body", canary], "msg": text}]},
        [{"error": every}],
        text.encode(),
    ):
        told = judged(status, body).error

        told_all = told.body().decode() + json.dumps(told.headers)
        assert canary not in told_all


def test_what_a_caller_can_correct_stays_readable() -> None:
    told = judged(
        400,
        error(
            "`temperature` must be at most 2, got 3 (see http://inner:8000/docs). "
            "The model secret-internal-name knows messages[0].content only.",
            param="temperature",
            code="invalid_value",
        ),
    ).error

    assert told.message == (
        "`temperature` must be at most 2, got 3 (see …). "
        "The model public knows messages[0].content only."
    )
    assert (told.param, told.code) == ("temperature", "invalid_value")
    # A parameter that nobody sent is the upstream's own.
    assert judged(400, error("x", param="gpu_layers")).error.param is None


def test_a_cleaned_text_is_short_and_of_one_line() -> None:
    text = redact("a\nb\x00c " + "word " * 1000)

    assert text.startswith("a b c word")
    assert len(text) <= LONGEST
    # Nor does what is megabytes long take long.
    assert len(redact("a:" * 1_000_000)) <= LONGEST


def test_waits_are_passed_on_as_far_as_clients_keep_them() -> None:
    assert judged(503, retry_after=3.0).error.headers["retry-after"] == "3"
    assert judged(429, retry_after=1.5).error.headers == {
        "retry-after": "2",
        "retry-after-ms": "1500",
    }
    assert judged(429, retry_after=9_999.0).error.headers["retry-after"] == "60"
    assert judged(429).error.headers["retry-after"] == "5"


def test_what_was_run_is_not_bought_again() -> None:
    for status in (200, 500, 502, 503, 429):
        verdict = judged(status, error("x"), was_run=True)
        assert (verdict.may_go_on, verdict.may_repeat) == (False, False)
    assert not judged(0, is_timeout=True).may_go_on
    for status in (200, 201, 202):
        assert judged(status, error("x")).may_go_on


def test_a_dead_credential_leads_to_the_next_deployment_at_once() -> None:
    for status in (401, 402, 403, 404, 500, 503, 429):
        assert judged(status, error("x")).may_go_on
    for status in (400, 413, 422, 451):
        assert not judged(status, error("x")).may_go_on


def test_only_what_no_request_can_bring_about_is_certain() -> None:
    certain = [s for s in (400, 401, 403, 404, 429, 500, 503) if judged(s).is_certain]

    # A key that is refused may be refused for the words that came with it.
    assert certain == []
    assert judged(0, is_unreachable=True).is_certain
    assert not judged(0).is_certain
    assert not judged(0, is_timeout=True).is_certain


def test_an_error_is_read_whatever_it_is() -> None:
    for body in (
        b"null",
        b"[]",
        b"7",
        b'{"error": 7}',
        b'{"error": [[]]}',
        b"\xff\xfe",
    ):
        read_error(body)
    assert read_error(b'{"error":{"message":{"a":1},"code":[2]}}').code == ""
