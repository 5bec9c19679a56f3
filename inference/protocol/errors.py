"""Refusals in OpenAI's shape."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Self

import orjson

from core.errors import DomainError
from core.idempotency import InvalidKey


@dataclass(frozen=True, slots=True)
class Hint:
    """What could help who was refused: a sentence and an ASCII address."""

    text: str
    url: str


CONTEXT_EXCEEDED = "context_length_exceeded"


class APIError(Exception):
    """An answer other than the one asked for.

    ``headers`` are added to the response. The body is
    ``{"error": {"message", "type", "param", "code"}}``, and ``help`` in it where there
    is a hint: text, with an address at its end that the header ``x-help`` has as well.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.code = code
        self.param = param
        self.headers = dict(headers or {})
        self.help = ""
        self.organisation_id: int | None = None

    def hinting(self, hint: Hint | None, *, organisation_id: int) -> Self:
        """Say whom a plan could help and, if there is a hint, how."""
        self.organisation_id = organisation_id
        if hint is not None:
            self.help = f"{hint.text} {hint.url}"
            self.headers["x-help"] = hint.url
        return self

    def body(self) -> bytes:
        error = {
            "message": self.message,
            "type": self.kind,
            "param": self.param,
            "code": self.code,
        }
        return orjson.dumps(
            {"error": {**error, "help": self.help} if self.help else error}
        )

    def event(self) -> bytes:
        """Return the error as an event of a stream that has already begun."""
        return b"data: " + self.body() + b"\n\n"


def missing_key() -> APIError:
    return APIError(
        401,
        "You didn't provide an API key. Send it as `Authorization: Bearer ds_live_…`.",
        headers={"www-authenticate": "Bearer"},
    )


def invalid_key(secret: str) -> APIError:
    # Unknown, revoked and expired look the same: which it is, is the owner's affair.
    shown = f"{secret[:8]}…{secret[-4:]}" if len(secret) > 16 else "…"
    return APIError(
        401,
        f"Incorrect API key provided: {shown}. You find your keys in the console.",
        code="invalid_api_key",
        headers={"www-authenticate": "Bearer"},
    )


def missing_scope(scope: str) -> APIError:
    return APIError(
        403,
        f"This API key lacks the scope `{scope}`. Add it in the console, or use a key "
        "that has it.",
        code="missing_scope",
    )


def address_not_allowed(address: str) -> APIError:
    return APIError(
        403,
        f"This API key may not be used from {address}: it is bound to other networks.",
        code="address_not_allowed",
    )


def origin_not_allowed(origin: str) -> APIError:
    return APIError(
        403,
        f"This API key may not be used by pages of {origin[:200]}.",
        code="origin_not_allowed",
    )


def key_ended() -> APIError:
    return APIError(
        401,
        "The API key was revoked or has expired while the answer was streamed.",
        code="invalid_api_key",
    )


def too_many_unknown_keys(wait: float) -> APIError:
    return APIError(
        429,
        "Too many unknown API keys were sent from your address. "
        f"Please try again in {wait:.0f}s.",
        kind="requests",
        code="rate_limit_exceeded",
        headers=_waits(wait),
    )


def model_not_found(model: str, visible: Iterable[str] = ()) -> APIError:
    """Name models with similar names among those the caller may see."""
    shown = model[:100]
    near = get_close_matches(shown, visible, n=3)
    hint = f" Did you mean {' or '.join(f'`{name}`' for name in near)}?" if near else ""
    return APIError(
        404,
        f"The model `{shown}` does not exist or you do not have access to it.{hint}",
        code="model_not_found",
        param="model",
    )


def usage_not_found(name: str) -> APIError:
    return APIError(
        404,
        f"There is no call `{name[:100]}` of yours.",
        code="usage_not_found",
        param="id",
    )


def usage_not_settled(name: str) -> APIError:
    return APIError(
        404,
        f"The call `{name[:100]}` has not been settled yet. Ask again in a second.",
        code="usage_not_settled",
        param="id",
        headers=_waits(1),
    )


def model_requires_plan(model: str, pricing_url: str) -> APIError:
    return APIError(
        403,
        f"The model `{model}` is a premium model that your plan does not include. "
        f"Subscribe at {pricing_url} and call it again.",
        code="model_requires_plan",
        param="model",
    )


def bad_request(
    message: str, param: str | None = None, code: str | None = None
) -> APIError:
    return APIError(400, message, param=param, code=code)


def too_large(limit: int) -> APIError:
    return APIError(
        413,
        f"The request body is larger than {limit // 1_000_000} MB.",
        code="request_too_large",
    )


def too_many_bytes(wait: float) -> APIError:
    return APIError(
        429,
        "Your organisation is sending more bytes than are read at once. "
        f"Please try again in {wait:.3f}s.",
        kind="requests",
        code="rate_limit_exceeded",
        headers=_waits(wait),
    )


def unsupported_media_type(message: str) -> APIError:
    return APIError(415, message, code="unsupported_media_type")


def body_timeout() -> APIError:
    return APIError(
        408, "The request body did not arrive in time.", code="request_timeout"
    )


def idempotency_refused(no: DomainError) -> APIError:
    """Return what an ``Idempotency-Key`` was refused for, in this protocol."""
    if isinstance(no, InvalidKey):
        return bad_request(str(no))
    headers = {"x-should-retry": "false"}
    if no.retry_after is not None:
        headers = {"retry-after": str(no.retry_after)}
    return APIError(no.status, str(no), code=no.code, headers=headers)


def rate_limited(
    what: str,
    wait: float,
    limit: int,
    headers: Mapping[str, str] | None = None,
    *,
    of: str = "your plan",
) -> APIError:
    """Say whose limit was reached: ``of`` is the plan or the key."""
    words = {
        "requests": f"{limit} requests per minute",
        "tokens": f"{limit} tokens per minute",
        "concurrency": f"{limit} requests at the same time",
    }
    kind = "tokens" if what == "tokens" else "requests"
    return APIError(
        429,
        f"Rate limit reached: {of} allows {words[what]}. "
        f"Please try again in {wait:.3f}s.",
        kind=kind,
        code="rate_limit_exceeded",
        headers={**(headers or {}), **_waits(wait)},
    )


def quota_exhausted(
    billing_url: str, headers: Mapping[str, str] | None = None
) -> APIError:
    return APIError(
        429,
        "You exceeded your current quota: this month's allowance is used up, and "
        "no credit is left. "
        f"See your plan and usage at {billing_url}",
        kind="insufficient_quota",
        code="insufficient_quota",
        headers={**(headers or {}), "x-should-retry": "false"},
    )


def budget_exhausted(
    whose: str, keys_url: str, headers: Mapping[str, str] | None = None
) -> APIError:
    """Say which budget of the owner's own is used up: a key's or a project's."""
    return APIError(
        429,
        f"The monthly limit of {whose} is used up. It is set at {keys_url}",
        kind="insufficient_quota",
        code="insufficient_quota",
        headers={**(headers or {}), "x-should-retry": "false"},
    )


def limiter_unavailable() -> APIError:
    return APIError(
        503,
        "The request could not be admitted right now. Please try again.",
        kind="server_error",
        code="limiter_unavailable",
        headers={"retry-after": "1"},
    )


def upstream_error(
    message: str = "The model failed to answer. Please try again.",
) -> APIError:
    return APIError(502, message, kind="server_error", code="upstream_error")


def upstream_broke_off() -> APIError:
    return upstream_error("The model broke off its answer.")


def upstream_auth() -> APIError:
    # Never 401: the caller would go and replace a key that is right.
    return APIError(
        502,
        "The model's server refused our credentials. We have been told.",
        kind="server_error",
        code="upstream_auth",
    )


def upstream_timeout() -> APIError:
    return APIError(
        504,
        "The model did not answer in time. Please try again.",
        kind="server_error",
        code="upstream_timeout",
    )


def upstream_rate_limited(wait: float | None) -> APIError:
    """``wait`` is how long the upstream asks to be left alone, if it says so."""
    return APIError(
        429,
        "The model is at its own limit. Please try again shortly.",
        kind="requests",
        code="upstream_rate_limited",
        headers=_waits(_bearable(wait)),
    )


def upstream_unavailable(wait: float | None) -> APIError:
    return APIError(
        503,
        "The model is not ready yet. Please try again shortly.",
        kind="server_error",
        code="upstream_unavailable",
        headers=_waits(_bearable(wait)),
    )


class ContextExceeded(APIError):
    """A prompt, or a prompt and the answer asked for, that a model cannot hold.

    In tokens: ``limit`` is what it holds, ``prompt`` what was sent, ``answer`` what
    was asked for; ``None`` where nobody knows. ``is_estimated`` tells that no
    tokeniser counted the prompt.
    """

    def __init__(
        self,
        limit: int,
        *,
        prompt: int | None = None,
        answer: int | None = None,
        is_estimated: bool = False,
        param: str = "messages",
    ) -> None:
        super().__init__(
            400,
            _too_long(limit, prompt, answer, param, is_estimated=is_estimated),
            param=param,
            code=CONTEXT_EXCEEDED,
        )
        self.limit = limit
        self.prompt = prompt
        self.answer = answer
        self.is_estimated = is_estimated


def _too_long(
    limit: int,
    prompt: int | None,
    answer: int | None,
    param: str,
    *,
    is_estimated: bool,
) -> str:
    """Say it in OpenAI's words: clients that turn to a larger model look for them.

    OpenAI has two sentences for it. LiteLLM knows both, LangChain the newer one.
    """
    head = f"This model's maximum context length is {limit} tokens. However,"
    guessed = " (estimated)" if is_estimated else ""
    if prompt is None:
        said, what = f"your {param} and the answer you asked for need more.", param
    elif answer is None or prompt > limit:
        said, what = f"your {param} resulted in {prompt} tokens{guessed}.", param
    else:
        what = f"{param} or completion"
        said = (
            f"you requested {prompt + answer} tokens{guessed} ({prompt} in the "
            f"{param}, {answer} in the completion)."
        )
    newer = "Input tokens exceed the configured limit."
    return f"{head} {said} Please reduce the length of the {what}. {newer}"


def no_deployment(wait: float) -> APIError:
    return APIError(
        503,
        "No server of this model is healthy right now. Please try again shortly.",
        kind="server_error",
        code="no_deployment",
        headers=_waits(wait),
    )


def overloaded() -> APIError:
    return APIError(
        503,
        "The server has too many requests at once. Please try again shortly.",
        kind="server_error",
        code="overloaded",
        # A whole answer takes about as long: some of what runs has ended by then.
        headers=_waits(1.0),
    )


def shutting_down() -> APIError:
    return APIError(
        503,
        "The server is restarting. Please try again.",
        kind="server_error",
        code="server_shutdown",
        headers={"retry-after": "1"},
    )


def internal_error(request_id: str) -> APIError:
    return APIError(
        500,
        f"Something went wrong on our side. Mention {request_id} when you ask about it.",
        kind="server_error",
        code="internal_error",
    )


def service_unavailable() -> APIError:
    return APIError(
        503,
        "The service cannot check keys right now. Please try again.",
        kind="server_error",
        code="service_unavailable",
        headers={"retry-after": "1"},
    )


def _bearable(wait: float | None) -> float:
    """Return a wait that a client will keep: longer ones end its tries."""
    return 5.0 if wait is None else min(wait, 60.0)


def _waits(seconds: float) -> dict[str, str]:
    return {
        "retry-after": str(max(1, math.ceil(seconds))),
        "retry-after-ms": str(max(1, math.ceil(seconds * 1000))),
    }
